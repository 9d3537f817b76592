import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;

/** Asks as a shop's code does: over a socket that speaks IPv4 and IPv6. */
public class Ask {
    public static void main(String[] arguments) throws Exception {
        URL url = new URL("http://" + arguments[0] + "/");
        HttpURLConnection connection = (HttpURLConnection) url.openConnection();
        try (InputStream body = connection.getInputStream()) {
            System.out.println(new String(body.readAllBytes(), "UTF-8"));
        }
    }
}
