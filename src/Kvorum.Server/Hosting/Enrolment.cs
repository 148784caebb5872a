using System.Security.Cryptography;
using System.Text;
using Kvorum.Server.Certificates;
using Kvorum.Server.Peers;
using Kvorum.Storage.Files;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Hosting;

/// <summary>
/// How a new node gets its certificate by a join token: from a member of <see cref="ServerOptions.Join"/>,
/// into the folder <c>tls</c> of its data folder, where later starts find it. A crash at any moment leaves
/// either nothing, or what the same token completes, or the whole.
/// </summary>
public static class Enrolment
{
    /// <summary>The folder, in the data folder.</summary>
    public const string Folder = "tls";

    private const string Certificate = "node.crt";
    private const string Key = "node.key";
    private const string Authorities = "ca.crt";
    private const string Lists = "ca.crl";
    private const string Claim = "claim";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The options with the files of the data folder for TLS, where none are named: those that are there, or
    /// that the token is to bring.
    /// </summary>
    public static ServerOptions Apply(ServerOptions options)
    {
        if (options.TlsCertificate.Length + options.TlsKey.Length + options.TlsAuthorities.Length > 0
            || options.DataFolder.Length == 0 || (options.JoinToken is null && !IsDone(options.DataFolder)))
            return options;
        return WithLists(options with
        {
            TlsCertificate = At(options.DataFolder, Certificate),
            TlsKey = At(options.DataFolder, Key),
            TlsAuthorities = At(options.DataFolder, Authorities),
        });
    }

    /// <summary>With the list of revoked certificates that has come with the certificate, if there is
    /// one.</summary>
    internal static ServerOptions WithLists(ServerOptions options) =>
        options.TlsRevoked.Length == 0 && options.TlsCertificate == At(options.DataFolder, Certificate)
            && File.Exists(At(options.DataFolder, Lists))
            ? options with { TlsRevoked = At(options.DataFolder, Lists) } : options;

    /// <summary>What is wrong with a token that is given.</summary>
    internal static void Check(ServerOptions options, List<string> broken)
    {
        if (options.JoinToken is null)
            return;
        if (options.TlsCertificate != At(options.DataFolder, Certificate))
        {
            broken.Add(
                "a join token brings the files that --tls-cert, --tls-key and --tls-ca name: give it or "
                + "them");
        }

        if (options.JoinList().Length == 0 && !IsDone(options.DataFolder))
            broken.Add("a join token needs --join: the --peer-addr of members that give the certificate");
    }

    /// <summary>
    /// Gets the certificate, where there is a token and no certificate yet: asks until a member answers.
    /// <see cref="ServerStartException"/> if the token is not accepted.
    /// </summary>
    internal static async Task Obtain(ServerOptions options, ILogger log, CancellationToken cancelled)
    {
        if (options.JoinToken is not { } token)
            return;
        if (IsDone(options.DataFolder))
        {
            Log.TokenNotNeeded(log, token.Id, At(options.DataFolder, Certificate));
            return;
        }

        var files = Open(options.DataFolder);
        var claim = new JoinClaim(token, Claimant(files));
        var told = "";
        while (true)
        {
            List<string> failures = [];
            var areFinal = true;
            foreach (var address in options.JoinList())
            {
                try
                {
                    await claim.Ask(address, bundle => Keep(files, bundle), cancelled).ConfigureAwait(false);
                    Log.Enrolled(log, token.Id, At(options.DataFolder, Certificate), address);
                    return;
                }
                catch (PeerRefusedException refused)
                {
                    areFinal &= !refused.Refusal.MayPass;
                    failures.Add($"{address} refused: {refused.Message}");
                }
                catch (ClaimDistrustException distrust)
                {
                    failures.Add($"{address}: {distrust.Message}");
                }
                catch (Exception e) when (PeerDial.IsExpected(e) && !cancelled.IsCancellationRequested)
                {
                    areFinal = false;
                    failures.Add($"{address}: {PeerEnding.From(e).Why}");
                }

                if (IsDone(options.DataFolder))
                    return; // It has come; only the thanks were lost.
            }

            var why = string.Join("; ", failures);
            if (areFinal)
                throw new ServerStartException($"no certificate for join token {token.Id}: {why}");
            if (why != told)
                Log.NotEnrolled(log, token.Id, told = why);
            await Task.Delay(Pause, cancelled).ConfigureAwait(false);
        }
    }

    private static bool IsDone(string folder) => File.Exists(At(folder, Certificate));

    private static string At(string folder, string name) => Path.Combine(folder, Folder, name);

    private static DiskFileSystem Open(string folder)
    {
        try
        {
            var files = new DiskFileSystem(folder);
            files.CreateFolder(Folder);
            return files;
        }
        catch (IOException e)
        {
            throw new ServerStartException(
                $"--data {folder}: it is no folder that can be written to: {e.Message}");
        }
    }

    // Drawn once for a folder: a start that was cut off may ask again, and nobody else may.
    private static byte[] Claimant(DiskFileSystem files)
    {
        var path = $"{Folder}/{Claim}";
        if (files.Exists(path))
        {
            using var file = files.Open(path, forWriting: false);
            var found = new byte[ClaimWire.ProofBytes];
            if (file.Read(0, found) == found.Length)
                return found;
        }

        var drawn = RandomNumberGenerator.GetBytes(ClaimWire.ProofBytes);
        Write(files, Claim, drawn);
        return drawn;
    }

    // The certificate comes last: with it all is there.
    private static void Keep(DiskFileSystem files, JoinBundle bundle)
    {
        if (bundle.Lists.Length > 0)
            Write(files, Lists, Encoding.ASCII.GetBytes(bundle.Lists));
        Write(files, Authorities, Encoding.ASCII.GetBytes(bundle.Authorities));
        Write(files, Key, Encoding.ASCII.GetBytes(bundle.Key));
        Write(files, Certificate, Encoding.ASCII.GetBytes(bundle.Certificate));
        files.Delete($"{Folder}/{Claim}");
    }

    private static void Write(DiskFileSystem files, string name, ReadOnlySpan<byte> content) =>
        WholeFile.Replace(files, $"{Folder}/{name}", content);
}
