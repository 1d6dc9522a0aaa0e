import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.util.ToolRunner;
import org.apache.hadoop.util.VersionInfo;

/**
 * Hadoop's FileSystem shell and S3A, in one process: does what it is told line by line, see
 * test/interop/program.ts. `shell` runs a command as `hadoop fs` does and answers with what it printed.
 */
public class Shell {
    private static final PrintStream OUT = System.out;
    private final Configuration configuration = new Configuration();

    public static void main(String[] args) throws Exception {
        Shell shell = new Shell();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = Arrays.stream(line.split(" ", -1)).map(Shell::decode).toArray(String[]::new);
            StringBuilder answer = new StringBuilder("@ ");
            try {
                List<String> result = shell.run(words);
                answer.append("ok");
                result.forEach(word -> answer.append(' ').append(encode(word)));
            } catch (Exception error) {
                error.printStackTrace();
                answer.append("error ").append(encode(error.toString()));
            }
            OUT.println(answer);
        }
        System.exit(0);
    }

    private List<String> run(String[] words) throws Exception {
        switch (words[0]) {
            case "version":
                return List.of(VersionInfo.getVersion());
            case "set":
                configuration.set(words[1], words[2]);
                return List.of();
            case "shell":
                return List.of(shell(Arrays.copyOfRange(words, 1, words.length)));
            case "list":
                return list(words[1], words[2]);
            case "range":
                range(new Path(words[1]), words[2], Long.parseLong(words[3]), Long.parseLong(words[4]));
                return List.of();
            default:
                throw new IllegalArgumentException("no operation " + words[0]);
        }
    }

    private String shell(String... command) throws Exception {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(printed, true, StandardCharsets.UTF_8);
        System.setOut(out);
        System.setErr(out);
        int code = ToolRunner.run(configuration, new FsShell(), command);
        String said = printed.toString(StandardCharsets.UTF_8);
        if (code != 0) throw new IllegalStateException(String.join(" ", command) + " ended with " + code + ": " + said);
        return said;
    }

    /** Keys of all files below a folder. */
    private List<String> list(String bucket, String folder) throws Exception {
        Path root = new Path(bucket + "/");
        FileSystem files = FileSystem.get(root.toUri(), configuration);
        List<String> keys = new ArrayList<>();
        try {
            RemoteIterator<LocatedFileStatus> found = files.listFiles(new Path(bucket + "/" + folder), true);
            while (found.hasNext()) keys.add(found.next().getPath().toUri().getPath().substring(1));
        } catch (FileNotFoundException error) {
            return List.of();
        }
        return keys;
    }

    private void range(Path path, String file, long start, long end) throws Exception {
        FileSystem files = FileSystem.get(path.toUri(), configuration);
        byte[] bytes = new byte[(int) (end - start)];
        try (FSDataInputStream in = files.open(path); FileOutputStream out = new FileOutputStream(file)) {
            in.seek(start);
            in.readFully(bytes);
            out.write(bytes);
        }
    }

    private static String decode(String word) {
        return URLDecoder.decode(word, StandardCharsets.UTF_8);
    }

    private static String encode(String word) {
        return URLEncoder.encode(word, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
