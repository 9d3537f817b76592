import com.sun.net.httpserver.*;
import java.io.*;
import java.net.*;
import java.util.*;
import java.util.regex.*;

/**
 * A WeChat JSAPI shop (Java 8 or later, no dependency) that holds no QFPay key: it calls the sidecar, unsigned.
 * SIDECAR_URL: where the sidecar listens. PORT: where this shop listens. SHOP_URL: this shop as the browser reaches it.
 */
public class Shop {
    static final String PORT = System.getenv().getOrDefault("PORT", "8002");
    static final String SIDECAR = System.getenv().getOrDefault("SIDECAR_URL", "http://127.0.0.1:8787");
    static final String SHOP = System.getenv().getOrDefault("SHOP_URL", "http://127.0.0.1:" + PORT);
    static final String TXAMT = "1200", TXCURRCD = "HKD", GOODS = "Milk tea \u5976\u8336 & bun"; // not the browser's

    static final String HEAD = "<!doctype html><html lang=en><meta name=viewport content=width=device-width><title>Shop</title>";

    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(PORT)), 0);
        server.setExecutor(java.util.concurrent.Executors.newFixedThreadPool(8));
        server.createContext("/", exchange -> {
            int status = 502; // stays so after any problem, and makes QFPay send a notification again
            String text = "<h1>Something went wrong</h1>If you paid, do not pay again. <a href='/'>Back</a>";
            try {
                text = serve(exchange);
                status = text.startsWith("http") ? 302 : 200;
            } catch (Exception problem) {
                System.err.println(problem);
            }
            if (status == 302) exchange.getResponseHeaders().set("Location", text);
            exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
            byte[] bytes = (text.startsWith("<") ? HEAD + text : text).getBytes("UTF-8");
            exchange.sendResponseHeaders(status, bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
        server.start();
    }

    /** Answers a page, or the URL to send the browser to. */
    static String serve(HttpExchange exchange) throws IOException {
        String query = "" + exchange.getRequestURI().getRawQuery();
        switch (exchange.getRequestURI().getPath()) {
            case "/pay":
                return sidecar("GET", "/tool/v1/get_weixin_oauth_code", "redirect_uri", SHOP + "/callback");
            case "/callback": // opened again, it fails: a code works once
                String code = URLDecoder.decode(first("(?:^|&)code=([^&]*)", query), "UTF-8");
                if (code.isEmpty()) return "<h1>WeChat sent no code</h1><a href='/'>Start again</a>";
                String openid = field(sidecar("GET", "/tool/v1/get_weixin_openid", "code", code), "openid");
                String order = "java_" + UUID.randomUUID().toString().replace("-", "");
                String answer = sidecar("POST", "/trade/v1/payment", "pay_type", "800207", "sub_openid", openid,
                    "out_trade_no", order, "txamt", TXAMT, "txcurrcd", TXCURRCD, "goods_name", GOODS,
                    "txdtm", String.format(Locale.ROOT, "%tF %<tT", new Date()), "notify_url", SHOP + "/notify");
                String params = first("\"pay_params\"\\s*:\\s*(\\{[^{}]*\\})", answer); // for the sidecar, as JSON
                return sidecar("GET", "/q/direct", "pay_params", params, "mchntnm", "Tea & Co \u8336", "txamt", TXAMT,
                    "currency", TXCURRCD, "goods_name", GOODS, "redirect_url", SHOP + "/success?out_trade_no=" + order);
            case "/success": // anyone can open this page: only the query says what is true
                String number = first("(?:^|&)out_trade_no=(\\w+)(?:&|$)", query); // as made above: nothing to escape
                return "<h1 id='state'>" + number + ": " + (isPaid(number) ? "paid" : "not paid (yet)") + "</h1>";
            case "/notify": // a reason to ask, not a proof: whoever reaches this URL could have sent it
                boolean paid = isPaid(field(read(exchange.getRequestBody()), "out_trade_no"));
                System.err.println("notified about an order; QFPay says " + (paid ? "paid" : "not paid"));
                return "SUCCESS";
            default:
                String agent = "" + exchange.getRequestHeaders().getFirst("User-Agent");
                boolean right = agent.contains("MicroMessenger") || query.contains("anybrowser=1"); // for the sandbox
                String buy = "<form action='/pay' method='post'><button id='buy'>Buy</button></form>";
                return right ? "<h1>Shop</h1>" + GOODS + ", HKD 12.00" + buy
                    : "<h1>Please open this page in WeChat</h1>Sandbox: <a href='/?anybrowser=1'>any browser</a>";
        }
    }

    /** Asks QFPay, and looks at the order, the amount and the currency; an answer about anything else is not paid. */
    static boolean isPaid(String order) throws IOException {
        if (order.isEmpty()) return false;
        String answer = sidecar("POST", "/trade/v1/query", "out_trade_no", order);
        String row = first("\"data\"\\s*:\\s*\\[\\s*(\\{[^{}]*\\})\\s*\\]", answer); // one, as an order is one payment
        return field(row, "out_trade_no").equals(order) && field(row, "respcd").equals("0000")
            && field(row, "txamt").equals(TXAMT) && field(row, "txcurrcd").equals(TXCURRCD)
            && field(row, "cancel").matches("0?"); // a real shop now marks the order in its database, once
    }

    /** Calls the sidecar: answers QFPay's JSON if its outcome is success, or the URL that the browser opens next. */
    static String sidecar(String method, String path, String... pairs) throws IOException {
        StringJoiner form = new StringJoiner("&");
        for (int i = 0; i < pairs.length; i += 2) form.add(pairs[i] + "=" + URLEncoder.encode(pairs[i + 1], "UTF-8"));
        URL url = new URL(SIDECAR + path + (method.equals("GET") ? "?" + form : ""));
        HttpURLConnection call = (HttpURLConnection) url.openConnection();
        call.setInstanceFollowRedirects(false);
        call.setConnectTimeout(3000);
        call.setReadTimeout(65000);
        if (method.equals("POST")) {
            call.setDoOutput(true);
            call.setFixedLengthStreamingMode(form.length()); // without it, Java may silently send a failed POST twice
            call.getOutputStream().write(form.toString().getBytes("US-ASCII"));
        }
        if (call.getResponseCode() == 302) return Objects.requireNonNull(call.getHeaderField("Location"), path);
        String body = read(call.getResponseCode() < 400 ? call.getInputStream() : call.getErrorStream());
        String outer = body.replaceAll("(?s)\\[.*\\]", "[]"); // the rows of a query have a respcd of their own
        if (!field(outer, "respcd").equals("0000")) throw new IOException(path + ": " + body);
        return body;
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
}
