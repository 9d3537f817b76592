import com.sun.net.httpserver.*;
import java.io.*;
import java.net.*;
import java.text.SimpleDateFormat;
import java.util.*;
import java.util.regex.*;

/**
 * A WeChat JSAPI shop (Java 8 or later, no dependency) that holds no QFPay key: it calls the sidecar, unsigned.
 * SIDECAR_URL: where the sidecar listens (default http://127.0.0.1:8787). PORT: where this shop listens (default 8002).
 * SHOP_URL: this shop as the customer's browser reaches it (default http://127.0.0.1:PORT).
 */
public class Shop {
    static final String PORT = System.getenv().getOrDefault("PORT", "8002");
    static final String SIDECAR = System.getenv().getOrDefault("SIDECAR_URL", "http://127.0.0.1:8787");
    static final String SHOP = System.getenv().getOrDefault("SHOP_URL", "http://127.0.0.1:" + PORT);
    static final String TXAMT = "1200", TXCURRCD = "HKD", GOODS = "Milk tea \u5976\u8336 & bun"; // never from the browser

    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(PORT)), 0);
        server.setExecutor(java.util.concurrent.Executors.newFixedThreadPool(8));
        server.createContext("/", exchange -> {
            int status = 200;
            String text;
            try {
                text = serve(exchange);
            } catch (Exception problem) { // a 5xx also makes QFPay send a notification again
                System.err.println(problem);
                status = 502;
                text = "<h1>Something went wrong</h1>If you paid, do not pay again. <a href='/'>Back</a>";
            }
            if (text.startsWith("http")) {
                exchange.getResponseHeaders().set("Location", text);
                status = 302;
            }
            byte[] bytes = text.getBytes("UTF-8");
            exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
            exchange.sendResponseHeaders(status, bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
        server.start();
    }

    /** Answers a page, or the URL to send the browser to. */
    static String serve(HttpExchange exchange) throws IOException {
        String query = exchange.getRequestURI().getRawQuery(), agent = exchange.getRequestHeaders().getFirst("User-Agent");
        String order = parameter(query, "out_trade_no"), code = parameter(query, "code");
        switch (exchange.getRequestURI().getPath()) {
            case "/":
                boolean right = String.valueOf(agent).contains("MicroMessenger") || parameter(query, "anybrowser").equals("1");
                String buy = "<form action='/pay' method='post'><button id='buy'>Buy</button></form>";
                return right ? "<h1>Shop</h1>" + escape(GOODS) + ", HKD 12.00" + buy
                    : "<h1>Please open this page in WeChat</h1>With the sandbox: <a href='/?anybrowser=1'>any browser</a>";
            case "/pay":
                return sidecar("GET", "/tool/v1/get_weixin_oauth_code", form("redirect_uri", SHOP + "/callback"));
            case "/callback":
                if (code.isEmpty()) return "<h1>WeChat sent no code</h1><a href='/'>Start again</a>";
                String openid = field(sidecar("GET", "/tool/v1/get_weixin_openid", form("code", code)), "openid"); // works once
                order = "java_" + UUID.randomUUID().toString().replace("-", "");
                String answer = sidecar("POST", "/trade/v1/payment", form("pay_type", "800207", "sub_openid", openid,
                    "out_trade_no", order, "txamt", TXAMT, "txcurrcd", TXCURRCD, "goods_name", GOODS, "notify_url", SHOP
                    + "/notify", "txdtm", new SimpleDateFormat("yyyy-MM-dd HH:mm:ss").format(new Date())));
                String payParams = first("\"pay_params\"\\s*:\\s*(\\{[^{}]*\\})", answer); // the sidecar reads this JSON text
                return sidecar("GET", "/q/direct", form("pay_params", payParams, "mchntnm", "Tea & Co \u8336", "txamt", TXAMT,
                    "currency", TXCURRCD, "goods_name", GOODS, "redirect_url", SHOP + "/success?out_trade_no=" + order));
            case "/success": // anyone can open this page: only the query says what is true
                String state = isPaid(order) ? "paid" : "not paid (yet)";
                return "<h1>Order is " + state + "</h1><p id='state'>" + escape(order) + ": " + state + "</p>";
            case "/notify": // a reason to ask, not a proof: whoever reaches this URL could have sent it
                boolean paid = isPaid(field(read(exchange.getRequestBody()), "out_trade_no"));
                System.err.println("notified about an order; QFPay says " + (paid ? "paid" : "not paid"));
                return "SUCCESS";
            default:
                return "<h1>Not found</h1><a href='/'>Shop</a>";
        }
    }

    /** Asks QFPay, and looks at the order, the amount and the currency; an answer about anything else is not paid. */
    static boolean isPaid(String order) throws IOException {
        if (order.isEmpty()) return false;
        String answer = sidecar("POST", "/trade/v1/query", form("out_trade_no", order));
        Matcher rows = Pattern.compile("\\{[^{}]*\\}").matcher(answer);
        while (rows.find()) { // the rows of "data" hold no objects, and the answer around them does
            String row = rows.group();
            if (order.equals(field(row, "out_trade_no")) && "0000".equals(field(row, "respcd"))
                && TXAMT.equals(field(row, "txamt")) && TXCURRCD.equals(field(row, "txcurrcd"))
                && field(row, "cancel").matches("0?")) {
                System.err.println("order " + order + " is paid"); // a real shop marks the order in its database here, once
                return true;
            }
        }
        return false;
    }

    /** Calls the sidecar: answers QFPay's JSON if its outcome is success, or the URL that the browser opens next. */
    static String sidecar(String method, String path, String form) throws IOException {
        URL url = new URL(SIDECAR + path + (method.equals("GET") ? "?" + form : ""));
        HttpURLConnection call = (HttpURLConnection) url.openConnection();
        call.setInstanceFollowRedirects(false);
        call.setConnectTimeout(3000);
        call.setReadTimeout(65000);
        if (method.equals("POST")) {
            call.setDoOutput(true);
            call.setFixedLengthStreamingMode(form.length()); // without it, Java may silently send a failed POST twice
            call.getOutputStream().write(form.getBytes("US-ASCII"));
        }
        if (call.getResponseCode() == 302) return call.getHeaderField("Location");
        String body = read(call.getResponseCode() < 400 ? call.getInputStream() : call.getErrorStream());
        String outer = body.replaceAll("(?s)\\[.*\\]", "[]"); // the rows of a query have a respcd of their own
        if (!"0000".equals(field(outer, "respcd"))) throw new IOException(path + ": " + body);
        return body;
    }

    static String form(String... pairs) throws IOException {
        StringBuilder form = new StringBuilder();
        for (int i = 0; i < pairs.length; i += 2) {
            form.append(i == 0 ? "" : "&").append(pairs[i]).append('=').append(URLEncoder.encode(pairs[i + 1], "UTF-8"));
        }
        return form.toString();
    }

    static String parameter(String query, String name) throws IOException {
        return URLDecoder.decode(first("(?:^|&)" + name + "=([^&]*)", String.valueOf(query)), "UTF-8");
    }

    /** A field of a JSON text whose values hold no escapes, as text; "" when it is missing. */
    static String field(String json, String name) {
        return first("\"" + name + "\"\\s*:\\s*\"?([^\",}\\s]*)", json);
    }

    static String first(String pattern, String text) {
        Matcher found = Pattern.compile(pattern).matcher(text);
        return found.find() ? found.group(1) : "";
    }

    static String read(InputStream stream) throws IOException {
        byte[] bytes = new byte[65536]; // a longer body is cut off, and then lacks what is looked for
        int length = 0;
        for (int n; (n = stream.read(bytes, length, bytes.length - length)) > 0; ) length += n;
        return new String(bytes, 0, length, "UTF-8");
    }

    static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;").replace("\"", "&quot;");
    }
}
