import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The sidecar as Java shops call it. Needs SIDECAR_URL; prints one line per call, exits 1 on any failure. */
public class Callers {
    private static final String BASE = System.getenv("SIDECAR_URL");
    private static final String GOODS = "Tea 茶 + milk & sugar = 50% off 🍵";
    private static final String FORM = "application/x-www-form-urlencoded";
    private static final HttpClient CLIENT = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    private static boolean failed = false;

    private record Answer(String verified, String text) { }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> form = payment(GOODS);
        check("HttpURLConnection, form", form, () -> connection("POST", "/trade/v1/payment", FORM, encode(form)));
        Map<String, String> query = payment(GOODS);
        check("HttpURLConnection, all in the query, empty body", query,
            () -> connection("POST", "/trade/v1/payment?" + encode(query), null, ""));
        // As QFPay's Java sample does: the joined text that it signed is also the body, unencoded.
        Map<String, String> joined = payment("Hong Kong 茶 tea 🍵");
        String body = joined.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).collect(Collectors.joining("&"));
        check("HttpURLConnection, unencoded body", joined, () -> connection("POST", "/trade/v1/payment", FORM, body));
        check("HttpURLConnection, GET query", null,
            () -> connection("GET", "/trade/v1/query?out_trade_no=" + form.get("out_trade_no"), null, null));

        Map<String, String> second = payment(GOODS);
        check("java.net.http, form", second, () -> send(
            to("/trade/v1/payment").header("Content-Type", FORM).POST(BodyPublishers.ofString(encode(second)))));
        Map<String, String> third = payment(GOODS);
        check("java.net.http, all in the query, empty body", third,
            () -> send(to("/trade/v1/payment?" + encode(third)).POST(BodyPublishers.noBody())));
        Map<String, String> fourth = payment("Hong Kong 茶 tea 🍵");
        String json = fourth.entrySet().stream().map(e -> '"' + e.getKey() + "\":\"" + e.getValue() + '"')
            .collect(Collectors.joining(",", "{", "}"));
        check("java.net.http, JSON", fourth, () -> send(
            to("/trade/v1/payment").header("Content-Type", "application/json").POST(BodyPublishers.ofString(json))));

        // The customer's part of the WeChat sign-in: the sidecar's redirect, then the sandbox's, which carries the code.
        String signed = location(BASE + "/tool/v1/get_weixin_oauth_code?redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback");
        String code = location(signed).replaceAll(".*[?&]code=([^&#]*).*", "$1");
        check("java.net.http, GET openid", null, () -> {
            Answer answer = send(to("/tool/v1/get_weixin_openid?code=" + code).GET());
            return answer.text.contains("\"openid\"") ? answer : new Answer(null, "no openid: " + answer.text);
        });
        System.exit(failed ? 1 : 0);
    }

    /** The parameters of a payment that nobody made before. */
    private static Map<String, String> payment(String goods) {
        Map<String, String> pay = new TreeMap<>(Map.of("txamt", "100", "txcurrcd", "HKD", "pay_type", "800201", "goods_name", goods));
        pay.put("out_trade_no", "java_" + UUID.randomUUID().toString().replace("-", ""));
        pay.put("txdtm", LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss")));
        return pay;
    }

    private static String encode(Map<String, String> parameters) {
        return parameters.entrySet().stream()
            .map(e -> e.getKey() + "=" + URLEncoder.encode(e.getValue(), StandardCharsets.UTF_8))
            .collect(Collectors.joining("&"));
    }

    /** Requires success and a verified signature; the page behind a payment's QR code must show its goods_name. */
    private static void check(String name, Map<String, String> order, Callable<Answer> call) {
        String why = "";
        try {
            Answer answer = call.call();
            if (!answer.text.matches("(?s).*\"respcd\": ?\"0000\".*")) {
                why = "respcd is not 0000: " + answer.text;
            } else if (!"verified".equals(answer.verified)) {
                why = "no X-Sandbox-Signature: verified";
            } else if (order != null) {
                Matcher qrcode = Pattern.compile("\"qrcode\": ?\"([^\"]*)\"").matcher(answer.text);
                String page = qrcode.find() ? send(to(qrcode.group(1)).GET()).text : "no qrcode";
                if (!answer.text.contains('"' + order.get("out_trade_no") + '"')) {
                    why = "the answer is about another order: " + answer.text;
                } else if (!page.contains(order.get("goods_name").replace("&", "&amp;"))) {
                    why = "the customer does not see " + order.get("goods_name") + ": " + page;
                }
            }
        } catch (Exception problem) {
            why = problem.toString();
        }
        System.out.println(why.isEmpty() ? "ok java " + name : "not ok java " + name + ": " + why);
        failed |= !why.isEmpty();
    }

    private static Answer connection(String method, String path, String type, String body) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) new URL(BASE + path).openConnection();
        connection.setConnectTimeout(5000);
        connection.setReadTimeout(20000);
        connection.setRequestMethod(method);
        if (type != null) {
            connection.setRequestProperty("Content-Type", type);
        }
        if (body != null) {
            connection.setDoOutput(true);
            connection.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
        }
        boolean good = connection.getResponseCode() < 400;
        try (InputStream stream = good ? connection.getInputStream() : connection.getErrorStream()) {
            String text = stream == null ? "" : new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            return new Answer(connection.getHeaderField("X-Sandbox-Signature"), text);
        }
    }

    private static HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create(path.startsWith("http") ? path : BASE + path)).timeout(Duration.ofSeconds(20));
    }

    private static Answer send(HttpRequest.Builder request) throws Exception {
        HttpResponse<String> response = CLIENT.send(request.build(), BodyHandlers.ofString());
        return new Answer(response.headers().firstValue("X-Sandbox-Signature").orElse(null), response.body());
    }

    private static String location(String url) throws Exception {
        return CLIENT.send(to(url).GET().build(), BodyHandlers.discarding()).headers().firstValue("Location").orElse("");
    }
}
