using System.Net;
using Kvorum.Cli.CommandLine;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Server.Certificates;
using Kvorum.Server.Hosting;
using Kvorum.Storage.Files;

namespace Kvorum.Cli.Certificates;

/// <summary>
/// <c>kvorum start --secure</c>: makes in one step what a first cluster needs for TLS, where it is not there
/// yet: a CA, a certificate of this node, and one of a client.
/// </summary>
internal static class SecureStart
{
    /// <summary>Where the files are.</summary>
    public const string Folder = "certs";

    private const string ClientName = "client";
    private const string FirstName = "node-1";

    /// <summary>The options with TLS; <see cref="CommandException"/> if the files cannot be made.</summary>
    public static ServerOptions Apply(ServerOptions options, TextWriter told)
    {
        if (options is not { TlsCertificate: "", TlsKey: "", TlsAuthorities: "" })
        {
            throw new CommandException(
                "--secure makes the files that --tls-cert, --tls-key and --tls-ca name: give it or them",
                ExitCode.Usage);
        }

        var store = new CertificateStore(Folder);
        var name = options.Id.Length > 0 ? options.Id : NameOf(options.DataFolder) ?? FirstName;
        if (!Path.Exists(store.CertificatePath(CertificateStore.AuthorityName)))
            CertCommand.Found(store, "Kvorum CA", CertCommand.AuthorityLife);
        Issue(new(CertificateRole.Node, name), Hosts(options));
        Issue(new(CertificateRole.Client, ClientName), []);
        told.WriteLine(
            $"kvorum start: TLS with the files in {Path.GetFullPath(Folder)}. Clients: "
            + $"--tls-ca {Folder}/ca.crt --tls-cert {Folder}/{ClientName}.crt "
            + $"--tls-key {Folder}/{ClientName}.key. For more than a trial, move ca.key to where no node is");
        return options with
        {
            Id = options.Id.Length > 0 || name != FirstName ? options.Id : name,
            TlsCertificate = store.CertificatePath(name),
            TlsKey = store.KeyPath(name),
            TlsAuthorities = store.CertificatePath(CertificateStore.AuthorityName),
        };

        void Issue(CertificateName who, string[] hosts)
        {
            if (!Path.Exists(store.CertificatePath(who.Name)))
                CertCommand.Issue(store, who, hosts, CertCommand.LeafLife);
        }
    }

    // Where the node is dialled, as far as its flags say.
    private static string[] Hosts(ServerOptions options) =>
    [
        .. new[]
            {
                options.ClientAddress, options.HttpAddress, options.AdvertiseClientAddress,
                options.AdvertiseHttpAddress,
            }
            .Select(static address => HostPort.TryParse(address)?.Host ?? "").Append(Dns.GetHostName())
            .Where(static host => host is not ("" or "*" or "0.0.0.0" or "::")).Distinct(),
    ];

    private static string? NameOf(string folder)
    {
        try
        {
            return Directory.Exists(folder) ? FolderIdentity.Find(new DiskFileSystem(folder))?.Name : null;
        }
        catch (Exception e) when (e is IOException or NodeStartException)
        {
            return null; // The start itself tells what is wrong with the folder.
        }
    }
}
