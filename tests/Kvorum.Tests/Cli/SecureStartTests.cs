using System.Text.RegularExpressions;

namespace Kvorum.Tests.Cli;

/// <summary>
/// <c>kvorum start --secure</c> in an empty folder, and all that nodes write there: nothing but what the page
/// on security lists, and private.
/// </summary>
public sealed partial class SecureStartTests : IDisposable
{
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode PrivateFolder = PrivateFile | UnixFileMode.UserExecute;

    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-secure-").FullName;
    private readonly ServerPlace[] _places = ServerPlace.Free(2);

    private string[] Client =>
        ["--tls-ca", At("certs/ca.crt"), "--tls-cert", At("certs/client.crt"), "--tls-key",
            At("certs/client.key")];

    public void Dispose()
    {
        foreach (var place in _places)
            place.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_first_cluster_has_TLS_in_one_step_and_writes_what_the_page_lists()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no modes");
        await using (var first = Start(0, "--audit-log", "audit.log"))
        {
            await first.Says("is ready", seconds: 60);
            await using var second = Start(1, "--id", "node-2", "--join", _places[0].PeerAddr);
            await second.Says("is ready", seconds: 60);
            await SingleNodeTests.Prints(
                0, "ok=true leader=\"\"", ["put", "k", "v", "--addr", _places[0].Addr, .. Client]);
            await SingleNodeTests.Prints(
                0, "value=\"v\"",
                ["get", "k", "--addr", _places[1].Addr, "--timeout", "20s", .. Client]);
            var (code, _, errors) = await KvorumProcess.Run("get", "k", "--addr", _places[0].Addr);
            Assert.Equal(1, code);
            Assert.Contains("TLS only", errors, StringComparison.Ordinal);
            Check();
            // Tables are written, and the log is cut.
            var (filled, said, why) = await KvorumProcess.Run(
                60, ["bench", "put", "--duration", "3s", "--value-size", "4096", "--addr", _places[0].Addr,
                    .. Client]);
            Assert.True(filled == 0, said + why);
            Check();
            second.Terminate();
            Assert.Equal(0, await second.Exit());
            first.Terminate();
            Assert.Equal(0, await first.Exit());
        }

        Check();
        string[] made = ["ca.crt", "ca.key", "client.crt", "client.key", "node-1.crt", "node-1.key",
            "node-2.crt", "node-2.key"];
        Assert.Equal(made, Directory.GetFiles(At("certs")).Select(Path.GetFileName).Order(
            StringComparer.Ordinal));
    }

    /// <summary>
    /// An unprivileged user, no capability, and a root that is mounted read-only but for one folder.
    /// </summary>
    [Fact(Timeout = 120_000)]
    public async Task A_node_runs_without_rights_on_a_read_only_root()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "takes root");
        var able = await Shell.Run("unshare -m true && setpriv --version >/dev/null");
        Assert.SkipWhen(able.Code != 0, "there is no unshare or setpriv that works here");
        var script = $$"""
            chmod 755 {{_folder}} && mkdir -m 700 {{_folder}}/own && chown 65534:65534 {{_folder}}/own
            cat > {{_folder}}/run <<'END'
            mount --make-rprivate / && mount --bind {{_folder}}/own {{_folder}}/own || exit 90
            mount -o remount,bind,ro / || exit 91
            touch {{_folder}}/no 2>/dev/null && exit 92
            cd {{_folder}}/own && export HOME=$PWD TMPDIR=$PWD DOTNET_EnableDiagnostics=0
            exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --bounding-set=-all \
              --inh-caps=-all "$K" start --data data --audit-log audit.log {{string.Join(' ',
                  _places[0].Flags[..^2])}}
            END
            unshare -m bash {{_folder}}/run > {{_folder}}/out 2>&1 &
            NODE=$!
            k put key value; k get key
            grep -E '^(CapEff|CapBnd|NoNewPrivs|Uid)' /proc/$NODE/status | tr -s '\t ' ' '
            kill -TERM $NODE; wait $NODE; echo "end $?"
            ls {{_folder}}/own; cat {{_folder}}/out >&2
            """;
        var (_, output, errors) = await Shell.Run(script.ReplaceLineEndings("\n"), _places[0].Addr);
        Assert.True(!errors.Contains("Exception", StringComparison.Ordinal), errors);
        Assert.Equal(
            """
            ok=true leader=""
            value="value"
            Uid: 65534 65534 65534 65534
            CapEff: 0000000000000000
            CapBnd: 0000000000000000
            NoNewPrivs: 1
            end 0
            audit.log
            data

            """.ReplaceLineEndings("\n"),
            output);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private KvorumProcess Start(int n, params string[] args) => KvorumProcess.StartIn(
        _folder, ["start", "--secure", .. _places[n].Flags[..^2], "--data", $"data-{n}", "--segment-bytes",
            "1048576", "--checkpoint-bytes", "65536", .. args]);

    private void Check()
    {
        var listed = Listed();
        Assert.True(listed.Length > 8);
        foreach (var file in Directory.GetFiles(_folder, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(_folder, file);
            Assert.True(Array.Exists(listed, one => one.IsMatch(name)), $"{name} is not in the list");
            try
            {
                var isPublic = name.EndsWith(".crt", StringComparison.Ordinal);
                var isRuntimes = name.StartsWith("tmp/", StringComparison.Ordinal);
                if (!isPublic && !isRuntimes && !OperatingSystem.IsWindows())
                    Assert.Equal((name, PrivateFile), (name, File.GetUnixFileMode(file)));
            }
            catch (FileNotFoundException)
            {
                // It was there for a moment only.
            }
        }

        foreach (var folder in Directory.GetDirectories(_folder, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(_folder, folder);
            if (name is not ("home" or "tmp") && !OperatingSystem.IsWindows())
                Assert.Equal((name, PrivateFolder), (name, File.GetUnixFileMode(folder)));
        }
    }

    // The first column of the table, as patterns of what lies in the folder of this test.
    private static Regex[] Listed()
    {
        var page = House.House.Read("docs/security.md");
        var table = page[page.IndexOf("## Files that a node writes", StringComparison.Ordinal)..];
        return
        [
            .. Row().Matches(table).SelectMany(static row => Code().Matches(row.Groups[1].Value))
                .Select(static code => new Regex("^" + Regex.Escape(code.Groups[1].Value)
                    .Replace("DATA/", "data-[01]/", StringComparison.Ordinal)
                    .Replace("TMPDIR/", "tmp/", StringComparison.Ordinal)
                    .Replace("AUDIT", "audit\\.log", StringComparison.Ordinal)
                    .Replace("\\./", "", StringComparison.Ordinal)
                    .Replace("\\*", "[^/]+", StringComparison.Ordinal) + "$")),
        ];
    }

    [GeneratedRegex(@"^\| (`[^|]*) \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();
}
