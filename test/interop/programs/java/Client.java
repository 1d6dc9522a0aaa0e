import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.util.VersionInfo;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

/** Does what it is told line by line: see test/interop/program.ts. */
public class Client {
    private static final URI ENDPOINT = URI.create(System.getenv("AWS_ENDPOINT_URL"));
    private static final long PART_BYTES = 5 << 20;

    private final S3Client s3 = S3Client.builder().endpointOverride(ENDPOINT).forcePathStyle(true).build();
    private final S3AsyncClient inParts = S3AsyncClient.builder()
            .endpointOverride(ENDPOINT)
            .forcePathStyle(true)
            .multipartEnabled(true)
            .multipartConfiguration(parts -> parts.thresholdInBytes(PART_BYTES).minimumPartSizeInBytes(PART_BYTES))
            .build();
    private final S3Presigner presigner = S3Presigner.builder()
            .endpointOverride(ENDPOINT)
            .serviceConfiguration(S3Configuration.builder().pathStyleAccessEnabled(true).build())
            .build();

    public static void main(String[] args) throws Exception {
        Client client = new Client();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = Arrays.stream(line.split(" ", -1)).map(Client::decode).toArray(String[]::new);
            StringBuilder answer = new StringBuilder("@ ");
            try {
                List<String> result = client.run(words);
                answer.append("ok");
                result.forEach(word -> answer.append(' ').append(encode(word)));
            } catch (Exception error) {
                error.printStackTrace();
                answer.append("error ").append(encode(error.toString()));
            }
            System.out.println(answer);
        }
        System.exit(0);
    }

    private List<String> run(String[] words) throws Exception {
        String bucket = words.length > 1 ? words[1] : "";
        switch (words[0]) {
            case "version":
                return List.of(VersionInfo.SDK_VERSION);
            case "put":
                s3.putObject(put(bucket, words[2]), Path.of(words[3]));
                return List.of();
            case "get":
                get(GetObjectRequest.builder().bucket(bucket).key(words[2]).build(), words[3]);
                return List.of();
            case "range":
                String range = "bytes=" + words[4] + "-" + (Long.parseLong(words[5]) - 1);
                get(GetObjectRequest.builder().bucket(bucket).key(words[2]).range(range).build(), words[3]);
                return List.of();
            case "multipart":
                inParts.putObject(put(bucket, words[2]), AsyncRequestBody.fromFile(Path.of(words[3]))).join();
                return List.of();
            case "list":
                return s3.listObjectsV2Paginator(list -> list.bucket(bucket).prefix(words[2]).maxKeys(5).encodingType("url"))
                        .contents().stream().map(entry -> entry.key()).toList();
            case "copy":
                s3.copyObject(copy -> copy.sourceBucket(bucket).sourceKey(words[2])
                        .destinationBucket(bucket).destinationKey(words[3]));
                return List.of();
            case "delete":
                delete(bucket, Arrays.asList(words).subList(2, words.length));
                return List.of();
            case "presign":
                return List.of(presign(bucket, words[2], words[3]));
            default:
                throw new IllegalArgumentException("no operation " + words[0]);
        }
    }

    private static PutObjectRequest put(String bucket, String key) {
        return PutObjectRequest.builder().bucket(bucket).key(key).build();
    }

    private void get(GetObjectRequest request, String file) throws Exception {
        Files.deleteIfExists(Path.of(file));
        s3.getObject(request, Path.of(file));
    }

    private void delete(String bucket, List<String> keys) {
        if (keys.size() == 1) {
            s3.deleteObject(one -> one.bucket(bucket).key(keys.get(0)));
            return;
        }
        List<ObjectIdentifier> objects =
                keys.stream().map(key -> ObjectIdentifier.builder().key(key).build()).toList();
        var answer = s3.deleteObjects(many -> many.bucket(bucket).delete(list -> list.objects(objects)));
        if (answer.hasErrors()) throw new IllegalStateException(answer.errors().toString());
    }

    private String presign(String bucket, String key, String method) {
        Duration time = Duration.ofMinutes(10);
        if (method.equals("GET")) {
            return presigner.presignGetObject(link -> link.signatureDuration(time)
                    .getObjectRequest(get -> get.bucket(bucket).key(key))).url().toString();
        }
        return presigner.presignPutObject(link -> link.signatureDuration(time)
                .putObjectRequest(put -> put.bucket(bucket).key(key))).url().toString();
    }

    private static String decode(String word) {
        return URLDecoder.decode(word, StandardCharsets.UTF_8);
    }

    private static String encode(String word) {
        return URLEncoder.encode(word, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
