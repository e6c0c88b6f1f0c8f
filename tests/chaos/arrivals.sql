-- What arrived at the sandbox, in order; written by SQLite itself in the transaction of the arrival.
CREATE TABLE IF NOT EXISTS arrival (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL, visit TEXT, slot TEXT, woman TEXT, programme TEXT, status TEXT,
    content BLOB, changed_by TEXT
);
CREATE TRIGGER IF NOT EXISTS visit_arrived AFTER INSERT ON visit BEGIN
    INSERT INTO arrival (at, visit, slot, woman, programme, status, content, changed_by)
    VALUES ((julianday('now') - 2440587.5) * 86400, NEW.id, NEW.slot, NEW.woman, NEW.programme, NEW.status, NEW.content, NEW.changed_by);
END;
CREATE TRIGGER IF NOT EXISTS visit_changed AFTER UPDATE ON visit BEGIN
    INSERT INTO arrival (at, visit, slot, woman, programme, status, content, changed_by)
    VALUES ((julianday('now') - 2440587.5) * 86400, NEW.id, NEW.slot, NEW.woman, NEW.programme, NEW.status, NEW.content, NEW.changed_by);
END;
CREATE TABLE IF NOT EXISTS acceptance (message TEXT PRIMARY KEY, at REAL);
CREATE TRIGGER IF NOT EXISTS message_accepted AFTER INSERT ON message BEGIN
    INSERT OR IGNORE INTO acceptance VALUES (NEW.id, (julianday('now') - 2440587.5) * 86400);
END;
