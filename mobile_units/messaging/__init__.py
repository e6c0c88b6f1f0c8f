"""The ways to women: an SMTP server and an SMS gateway. What is sent, and in which order, is told by the rules."""
