import java.io.File;
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.ws.security.WSConstants;
import org.apache.ws.security.WSDataRef;
import org.apache.ws.security.WSSConfig;
import org.apache.ws.security.WSSecurityEngine;
import org.apache.ws.security.WSSecurityEngineResult;
import org.apache.ws.security.components.crypto.Merlin;
import org.apache.ws.security.util.WSSecurityUtil;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/**
 * Verifies WS-Security headers with Apache WSS4J: first the PEM file of the trusted authority, then the envelopes.
 * Prints a line for each envelope: its signed parts as PARENT/NAME in alphabetical order, or why it is refused.
 */
class VerifyEnvelopes {
    public static void main(String[] arguments) throws Exception {
        Merlin trust = trustIn(arguments[0]);
        for (int number = 1; number < arguments.length; number++) {
            try {
                System.out.println("VERIFIED " + signedParts(new File(arguments[number]), trust));
            } catch (Exception refused) {
                System.out.println("REFUSED " + refused.getMessage());
            }
        }
    }

    private static Merlin trustIn(String path) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (FileInputStream pem = new FileInputStream(path)) {
            store.setCertificateEntry("authority", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        Merlin trust = new Merlin();
        trust.setTrustStore(store);
        return trust;
    }

    private static String signedParts(File envelope, Merlin trust) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        Document document = factory.newDocumentBuilder().parse(envelope);
        WSSecurityEngine engine = new WSSecurityEngine();
        WSSConfig config = WSSConfig.getNewInstance();
        config.setWsiBSPCompliant(true);
        engine.setWssConfig(config);
        List<WSSecurityEngineResult> results = engine.processSecurityHeader(document, null, null, trust);
        List<WSSecurityEngineResult> signatures = new ArrayList<>();
        WSSecurityUtil.fetchAllActionResults(results, WSConstants.SIGN, signatures);
        Set<String> parts = new TreeSet<>();
        for (WSSecurityEngineResult signature : signatures) {
            for (Object each : (List<?>) signature.get(WSSecurityEngineResult.TAG_DATA_REF_URIS)) {
                Element part = ((WSDataRef) each).getProtectedElement();
                parts.add(part.getParentNode().getLocalName() + "/" + part.getLocalName());
            }
        }
        return String.join(" ", parts);
    }
}
