import com.sun.net.httpserver.*;
import java.io.*;
import java.math.BigInteger;
import java.net.*;
import java.nio.file.*;
import java.security.MessageDigest;
import java.util.*;

/**
 * An old shop (Java 8 or later, no dependency) that builds and signs the URLs of QFPay's pages itself, as QFPay's samples do.
 * Two things changed: its key is a local key, and its pages are below its own address, where its web server passes them on.
 * PAGES_URL: browser.public_prefix as the customer's browser reaches it. LOCAL_KEY_FILE: the file that browser.local_key_file
 * of the sidecar names. APP_CODE: QFPay's, no secret. PORT: where this shop listens. SHOP_URL: as the browser reaches it.
 */
public class Shop {
    static final String PAGES = System.getenv("PAGES_URL"); // was https://openapi-hk.qfapi.com
    static final String APP_CODE = System.getenv("APP_CODE"), SHOP = System.getenv("SHOP_URL");
    static final String PORT = System.getenv().getOrDefault("PORT", "8004");
    static String clientKey;

    public static void main(String[] arguments) throws IOException {
        clientKey = new String(Files.readAllBytes(Paths.get(System.getenv("LOCAL_KEY_FILE"))), "US-ASCII").trim(); // was the client_key
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(PORT)), 0);
        server.createContext("/", exchange -> {
            byte[] bytes = page(exchange.getRequestURI().getPath()).getBytes("UTF-8");
            exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
            exchange.sendResponseHeaders(200, bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
        server.start();
    }

    static String page(String path) throws IOException {
        if (!path.equals("/")) { // a real shop asks /trade/v1/query here: whoever knows this address can open it
            return "<!doctype html><html lang=en><meta name=viewport content=width=device-width><title>Back</title><p id=back>back at the shop: " + path.replaceAll("[^\\w/]", "?") + "</p>";
        }
        TreeMap<String, String> signIn = new TreeMap<>();
        signIn.put("app_code", APP_CODE);
        signIn.put("redirect_uri", SHOP + "/callback");
        TreeMap<String, String> checkout = new TreeMap<>();
        checkout.put("appcode", APP_CODE);
        checkout.put("sign_type", "sha256");
        checkout.put("paysource", "shop_checkout");
        checkout.put("out_trade_no", "java_" + UUID.randomUUID().toString().replace("-", ""));
        checkout.put("txamt", "1200"); // in cents; never taken from the browser
        checkout.put("txcurrcd", "HKD");
        checkout.put("txdtm", String.format(Locale.ROOT, "%tF %<tT", new Date()));
        checkout.put("goods_name", "Milk tea \u5976\u8336 & bun");
        checkout.put("return_url", SHOP + "/done");
        checkout.put("failed_url", SHOP + "/failed");
        checkout.put("notify_url", SHOP + "/notify");
        return "<!doctype html><html lang=en><meta name=viewport content=width=device-width><title>Shop</title><h1>Shop</h1>"
            + "<a id=signin href=\"" + url("/tool/v1/get_weixin_oauth_code", signIn, "MD5") + "\">Sign in with WeChat</a> "
            + "<a id=checkout href=\"" + url("/checkstand/", checkout, "SHA-256") + "\">Buy</a>";
    }

    /** Sorted by name, raw values joined, the key behind; as a link for HTML. */
    static String url(String path, TreeMap<String, String> parameters, String hash) throws IOException {
        StringJoiner joined = new StringJoiner("&"), query = new StringJoiner("&amp;");
        for (Map.Entry<String, String> parameter : parameters.entrySet()) {
            joined.add(parameter.getKey() + "=" + parameter.getValue());
            query.add(parameter.getKey() + "=" + URLEncoder.encode(parameter.getValue(), "UTF-8"));
        }
        try {
            byte[] digest = MessageDigest.getInstance(hash).digest((joined + clientKey).getBytes("UTF-8"));
            query.add("sign=" + String.format("%0" + digest.length * 2 + "x", new BigInteger(1, digest)));
        } catch (java.security.NoSuchAlgorithmException never) {
            throw new IOException(never);
        }
        return PAGES + path + "?" + query;
    }
}
