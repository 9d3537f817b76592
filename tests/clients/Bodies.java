import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URL;
import java.util.Scanner;
import java.util.UUID;

/**
 * A payment whose fate is unknown (the sandbox's txamt=4200001), as Java shops read its answer. SIDECAR_URL answers with
 * HTTP's own status, OK_URL with answers.own_status = "200". Prints one line per way of calling, exits 1 on any failure.
 */
public class Bodies {
    public static void main(String[] arguments) throws Exception {
        String lost = naive(System.getenv("SIDECAR_URL"));
        String read = naive(System.getenv("OK_URL"));
        boolean right = check("getInputStream loses it", lost, lost.contains("HTTP response code: 502"));
        right &= check("getInputStream, own_status 200", read, read.contains("\"respcd\":\"1298\""));
        System.exit(right ? 0 : 1);
    }

    /** As shops do it that QFPay taught HTTP 200: an error's body is not asked for. */
    private static String naive(String base) throws IOException {
        HttpURLConnection call = (HttpURLConnection) new URL(base + "/trade/v1/payment").openConnection();
        call.setReadTimeout(20000);
        call.setDoOutput(true);
        String order = UUID.randomUUID().toString().replace("-", "").substring(8);
        String form = "txamt=4200001&txcurrcd=HKD&pay_type=800201&txdtm=2026-01-02+03:04:05&out_trade_no=bodies_" + order;
        call.getOutputStream().write(form.getBytes("UTF-8"));
        try {
            return new Scanner(call.getInputStream(), "UTF-8").useDelimiter("\\A").next();
        } catch (IOException problem) {
            return problem.toString();
        }
    }

    private static boolean check(String name, String seen, boolean right) {
        System.out.println(right ? "ok java bodies: " + name : "not ok java bodies: " + name + ": " + seen);
        return right;
    }
}
