// The sidecar as Java shops call it, with Apache HttpClient 4. Needs SIDECAR_URL, and the client's jars in the class path;
// one line per call, exit code 1 on any failure.

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.http.HttpEntity;
import org.apache.http.NameValuePair;
import org.apache.http.client.entity.UrlEncodedFormEntity;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.client.methods.HttpGet;
import org.apache.http.client.methods.HttpPost;
import org.apache.http.client.methods.HttpUriRequest;
import org.apache.http.entity.ContentType;
import org.apache.http.entity.StringEntity;
import org.apache.http.entity.mime.HttpMultipartMode;
import org.apache.http.entity.mime.MultipartEntityBuilder;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.impl.client.HttpClients;
import org.apache.http.message.BasicNameValuePair;
import org.apache.http.util.EntityUtils;

public class Apache {
    static final String BASE = System.getenv("SIDECAR_URL");
    static final CloseableHttpClient CLIENT = HttpClients.createDefault();
    static boolean failed = false;

    static List<NameValuePair> payment(String goods) {
        List<NameValuePair> pay = new ArrayList<>();
        pay.add(new BasicNameValuePair("txamt", "100"));
        pay.add(new BasicNameValuePair("txcurrcd", "HKD"));
        pay.add(new BasicNameValuePair("pay_type", "800201"));
        pay.add(new BasicNameValuePair("out_trade_no", "apache_" + UUID.randomUUID().toString().replace("-", "")));
        pay.add(new BasicNameValuePair("txdtm", LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss"))));
        pay.add(new BasicNameValuePair("goods_name", goods));
        return pay;
    }

    static void check(String name, HttpUriRequest request) throws Exception {
        try (CloseableHttpResponse answer = CLIENT.execute(request)) {
            String text = EntityUtils.toString(answer.getEntity(), StandardCharsets.UTF_8);
            boolean verified = answer.getFirstHeader("X-Sandbox-Signature") != null
                && answer.getFirstHeader("X-Sandbox-Signature").getValue().equals("verified");
            boolean right = verified && text.replace(" ", "").contains("\"respcd\":\"0000\"");
            System.out.println(right ? "ok apache " + name : "not ok apache " + name + ": " + text);
            failed |= !right;
        }
    }

    static void post(String name, HttpEntity entity) throws Exception {
        HttpPost post = new HttpPost(BASE + "/trade/v1/payment");
        post.setEntity(entity);
        check(name, post);
    }

    static HttpEntity multipart(List<NameValuePair> pay, ContentType type, HttpMultipartMode mode) {
        MultipartEntityBuilder builder = MultipartEntityBuilder.create().setMode(mode);
        if (type != null) {
            builder.setCharset(type.getCharset());
        }
        for (NameValuePair pair : pay) {
            if (type == null) {
                builder.addTextBody(pair.getName(), pair.getValue());
            } else {
                builder.addTextBody(pair.getName(), pair.getValue(), type);
            }
        }
        return builder.build();
    }

    public static void main(String[] arguments) throws Exception {
        // Without a charset it labels parts, and text, ISO-8859-1, whatever they hold.
        post("form without a label", new UrlEncodedFormEntity(payment("Tea & milk")));
        for (String charset : new String[] {"UTF-8", "GBK", "Big5"}) {
            List<NameValuePair> pay = payment("奶茶 & milk");
            post("form in " + charset, new UrlEncodedFormEntity(pay, charset));
            ContentType type = ContentType.create("text/plain", Charset.forName(charset));
            post("multipart in " + charset, multipart(payment("奶茶 & milk"), type, HttpMultipartMode.RFC6532));
        }
        post("multipart, labelled ISO-8859-1", multipart(payment("Tea & milk"), null, HttpMultipartMode.STRICT));
        post("multipart, as browsers send it", multipart(payment("Tea & milk"), null, HttpMultipartMode.BROWSER_COMPATIBLE));
        String json = "{\"txamt\": 100, \"txcurrcd\": \"HKD\", \"pay_type\": \"800201\", \"out_trade_no\": \""
            + UUID.randomUUID() + "\", \"txdtm\": \"2026-01-02 03:04:05\", \"goods_name\": \"tea\"}";
        post("JSON, labelled ISO-8859-1", new StringEntity(json, ContentType.create("application/json", "ISO-8859-1")));
        List<NameValuePair> pay = payment("Tea");
        post("form", new UrlEncodedFormEntity(pay, "UTF-8"));
        check("query", new HttpGet(BASE + "/trade/v1/query?out_trade_no=" + pay.get(3).getValue()));
        System.exit(failed ? 1 : 0);
    }
}
