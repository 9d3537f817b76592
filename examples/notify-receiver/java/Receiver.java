import com.sun.net.httpserver.*;
import java.io.*;
import java.net.*;
import java.nio.file.*;
import java.util.*;
import java.util.regex.*;

/**
 * Receives QFPay's notifications (Java 8 or later, no dependency) without a QFPay key. Take one of the two paths:
 * /relayed gets them from the sidecar's notification listener, which has verified them; /direct gets them from QFPay,
 * and asks the sidecar whether the signature is right. PORT, ORDERS (a folder for the orders that were paid), APP (the
 * app's name in the sidecar), SIDECAR_URL (only for /direct).
 */
public class Receiver {
    static final Map<String, String> ENV = System.getenv();
    static final String APP = ENV.getOrDefault("APP", "demo"), SIDECAR = ENV.getOrDefault("SIDECAR_URL", "http://127.0.0.1:8787");
    static final Path ORDERS = Paths.get(ENV.getOrDefault("ORDERS", "orders"));

    public static void main(String[] arguments) throws IOException {
        InetSocketAddress loopback = new InetSocketAddress("127.0.0.1", Integer.parseInt(ENV.getOrDefault("PORT", "8012")));
        HttpServer server = HttpServer.create(loopback, 0);
        server.setExecutor(java.util.concurrent.Executors.newFixedThreadPool(8));
        server.createContext("/", exchange -> {
            boolean done = false;
            try {
                byte[] body = read(exchange.getRequestBody());
                done = exchange.getRequestMethod().equals("POST") && isVerified(exchange, body) && record(body);
            } catch (Exception problem) {
                System.err.println(problem);
            }
            byte[] text = (done ? "SUCCESS" : "not accepted").getBytes("UTF-8"); // all but SUCCESS makes QFPay send it again
            exchange.sendResponseHeaders(done ? 200 : 403, text.length);
            try (OutputStream out = exchange.getResponseBody()) { out.write(text); }
        });
        server.start();
    }

    static boolean isVerified(HttpExchange exchange, byte[] body) throws IOException {
        String path = exchange.getRequestURI().getPath(), sign = exchange.getRequestHeaders().getFirst("X-QF-SIGN");
        if (path.equals("/relayed")) return APP.equals(exchange.getRequestHeaders().getFirst("X-Sidecar-Verified"));
        if (!path.equals("/direct") || sign == null) return false;
        // The bytes as they came: to parse and print them first would change them.
        HttpURLConnection call = (HttpURLConnection) new URL(SIDECAR + "/sidecar/v1/verify").openConnection();
        call.setReadTimeout(10000);
        call.setDoOutput(true);
        call.setRequestProperty("Content-Type", "application/json");
        call.setRequestProperty("X-QF-SIGN", sign);
        call.getOutputStream().write(body);
        return call.getResponseCode() == 200 && APP.equals(field(new String(read(call.getInputStream()), "UTF-8"), "app"));
    }

    /** Records an order once; a repeat changes nothing. A shop also compares txamt and txcurrcd before it delivers. */
    static boolean record(byte[] body) throws IOException {
        String json = new String(body, "UTF-8"), order = field(json, "out_trade_no"), kind = field(json, "notify_type");
        if (!field(json, "respcd").equals("0000")) return true;
        Path file = ORDERS.resolve(UUID.nameUUIDFromBytes((kind + " " + order).getBytes("UTF-8")) + ".json");
        Path fresh = Files.write(Files.createTempFile(ORDERS, "new", ""), body);
        try {
            Files.createLink(file, fresh); // fails if the file is there, also when two notifications come at once
            System.err.println("recorded \"" + order + "\"");
        } catch (FileAlreadyExistsException repeat) {
            System.err.println("repeated \"" + order + "\"");
        } finally {
            Files.delete(fresh);
        }
        return true;
    }

    static String field(String json, String name) throws IOException { // enough for flat JSON; a shop takes its library
        Matcher found = Pattern.compile("\"" + name + "\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
        if (!found.find()) throw new IOException("no " + name);
        return found.group(1);
    }

    static byte[] read(InputStream in) { // ISO-8859-1 maps every byte to one character and back
        String all = new Scanner(in, "ISO-8859-1").useDelimiter("\\A").next(); // an empty body throws
        return all.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
    }
}
