using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Cli.CommandLine;
using Kvorum.Server.Certificates;

namespace Kvorum.Cli.Certificates;

/// <summary><c>kvorum cert</c>: a CA for a cluster, and what it signs. All of it is files; no node is
/// asked.</summary>
internal static class CertCommand
{
    private const int AuthorityDays = 3650;
    private const int LeafDays = 365;

    /// <summary>How long a CA lives unless a flag says otherwise.</summary>
    public static readonly TimeSpan AuthorityLife = TimeSpan.FromDays(AuthorityDays);

    /// <summary>How long a certificate lives unless a flag says otherwise.</summary>
    public static readonly TimeSpan LeafLife = TimeSpan.FromDays(LeafDays);

    // Where every node is reached from its own machine.
    private static readonly string[] Loopback = ["localhost", "127.0.0.1", "::1"];

    public static Command Create() => new(
        "cert", "Makes a CA for TLS, and certificates of nodes and clients; revokes them.")
    {
        Authority(), Node(), Client(), ShowCommand(), Revoke(),
    };

    /// <summary>Makes a CA, a node's or a client's certificate, and writes it.</summary>
    public static void Issue(
        CertificateStore store, CertificateName name, IEnumerable<string> hosts, TimeSpan life)
    {
        using var authority = store.Authority();
        using var made = Made(authority, name, hosts, life);
        store.Write(name.Name, made);
    }

    /// <summary>A certificate with its key, which nothing has of it yet.</summary>
    public static X509Certificate2 Made(
        X509Certificate2 authority, CertificateName name, IEnumerable<string> hosts, TimeSpan life) =>
        CertificateMaker.Issue(
            authority, name, name.Role == CertificateRole.Node ? hosts.Concat(Loopback).Distinct() : [],
            DateTimeOffset.UtcNow, life);

    /// <summary><see cref="CommandException"/> if a certificate cannot be made for that.</summary>
    public static void Check(string name, IEnumerable<string> hosts)
    {
        if (WhyNoName(name) is { } why)
            throw new CommandException(Flag.Mistake("name", name, why), ExitCode.Usage);
        foreach (var host in hosts.Where(static host => !IPAddress.TryParse(host, out var _)
            && Uri.CheckHostName(host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host)
                != UriHostNameType.Dns))
        {
            throw new CommandException(
                Flag.Mistake("--host", host, "give names or addresses, without a port"), ExitCode.Usage);
        }
    }

    /// <summary>Makes a CA and writes it.</summary>
    public static void Found(CertificateStore store, string name, TimeSpan life)
    {
        using var made = CertificateMaker.Authority(name, DateTimeOffset.UtcNow, life);
        store.Write(CertificateStore.AuthorityName, made);
    }

    private static Command Authority()
    {
        var name = Flag.Text("--name", "name", "What the CA is called.", "Kvorum CA");
        var (days, folder) = (Days(AuthorityDays), Folder());
        var command = new Command(
            "ca", "Makes a CA: ca.crt for every node and client, and ca.key, which no node needs.")
        {
            name, days, folder,
        };
        command.SetAction((parsed, _) => Run(parsed, folder, (store, output) =>
        {
            Found(store, parsed.GetValue(name)!, Life(parsed, days));
            Tell(output, store, CertificateStore.AuthorityName);
            output.WriteLine("Keep the key where no node and no client is: who has it can be any of them.");
        }));
        return command;
    }

    private static Command Node()
    {
        return Leaf(
            "node", CertificateRole.Node, "Makes the certificate of a node: the name is that of --id.",
                Hosts());
    }

    /// <summary>--host of a node.</summary>
    public static Option<string[]> Hosts() => Flag.List(
        "--host", "host,...",
        "Names and addresses under which the node is dialled, beside localhost, 127.0.0.1 and ::1.", []);

    /// <summary>--days that a node's or a client's certificate is valid.</summary>
    public static Option<int> Days() => Days(LeafDays);

    private static Command Client() => Leaf(
        "client", CertificateRole.Client, "Makes the certificate of a client.", hosts: null);

    private static Command Leaf(
        string verb, CertificateRole role, string description, Option<string[]>? hosts)
    {
        var name = new Argument<string>("name") { Description = "Whose it is.", HelpName = "name" };
        var (days, folder) = (Days(LeafDays), Folder());
        var command = new Command(verb, description) { name, days, folder };
        if (hosts is not null)
            command.Options.Add(hosts);
        command.SetAction((parsed, _) => Run(parsed, folder, (store, output) =>
        {
            var given = parsed.GetValue(name)!;
            var all = hosts is null ? Array.Empty<string>() : parsed.GetValue(hosts)!;
            Check(given, all);
            Issue(store, new(role, given), all, Life(parsed, days));
            Tell(output, store, given);
        }));
        return command;
    }

    private static Command ShowCommand()
    {
        var files = new Argument<string[]>("file")
        {
            Description = "Certificates, or a list of revoked ones.",
            Arity = ArgumentArity.OneOrMore,
            HelpName = "file",
        };
        var folder = Folder();
        var command = new Command("show", "Tells what is in certificates and lists of revoked ones.")
        {
            files, folder,
        };
        command.SetAction((parsed, _) => Run(parsed, folder, (store, output) =>
        {
            foreach (var path in parsed.GetValue(files)!)
                CertificateText.Show(output, store, path);
        }));
        return command;
    }

    private static Command Revoke()
    {
        var what = new Argument<string[]>("certificate")
        {
            Description = "Files of certificates, or serial numbers as kvorum cert show tells them; none: "
                + "make the list anew, which gives it a later end.",
            Arity = ArgumentArity.ZeroOrMore,
            HelpName = "file|serial",
        };
        var (days, folder) = (Days(LeafDays), Folder());
        var command = new Command(
            "revoke", "Puts certificates on the CA's list of revoked ones, ca.crl, for --tls-crl.")
        {
            what, days, folder,
        };
        command.SetAction((parsed, _) => Run(parsed, folder, (store, output) =>
        {
            using var authority = store.Authority();
            var before = store.List(authority);
            string[] serials = [.. parsed.GetValue(what)!.Select(one => Serial(one, authority))];
            store.WriteList(CertificateMaker.List(
                authority, [.. before?.Serials ?? [], .. serials], DateTimeOffset.UtcNow,
                    Life(parsed, days)));
            output.WriteLine(
                $"{store.ListPath}: {store.List(authority)!.Serials.Count} revoked certificate(s), "
                + $"valid until {store.List(authority)!.Until:u}");
            output.WriteLine("Give it to every node: they take it within seconds.");
        }));
        return command;
    }

    private static string Serial(string given, X509Certificate2 authority)
    {
        if (!File.Exists(given))
        {
            return given.Length is > 0 and <= 40 && given.Length % 2 == 0 && given.All(char.IsAsciiHexDigit)
                ? given.ToUpperInvariant()
                : throw new CommandException(
                    Flag.Mistake("certificate", given, "it is no file, and no serial number"),
                        ExitCode.Usage);
        }

        var one = CertificateStore.Read(given, static bytes => CertificateFiles.Certificates(bytes)[0]);
        return one.IssuerName.RawData.AsSpan().SequenceEqual(authority.SubjectName.RawData) ? one.SerialNumber
            : throw new CommandException(
                $"{given} is signed by {one.Issuer}, not by {authority.Subject}", ExitCode.NotOk);
    }

    // It is a node's --id, and the name of files.
    private static string? WhyNoName(string name) =>
        name.Length is 0 or > CertificateName.NameMax
            || name.Any(
                static c => char.IsWhiteSpace(c) || char.IsControl(c) || c is '@' or ',' or '/' or '\\')
            || name[0] is '.' or '-' || name is CertificateStore.AuthorityName
            ? $"give up to {CertificateName.NameMax} characters without spaces, '@', ',' and '/', and "
                + "another one than 'ca'"
            : null;

    private static void Tell(TextWriter output, CertificateStore store, string name)
    {
        CertificateText.Show(output, store, store.CertificatePath(name));
        output.WriteLine($"{store.KeyPath(name)}: its private key");
    }

    private static Task<int> Run(
        ParseResult parsed, Option<string> folder, Action<CertificateStore, TextWriter> work)
    {
        work(new(parsed.GetValue(folder)!), parsed.InvocationConfiguration.Output);
        return Task.FromResult(ExitCode.Ok);
    }

    private static Option<int> Days(int value)
    {
        var option = Flag.Number("--days", "How many days it is valid, 1 to 36500.", value);
        option.Validators.Add(result =>
        {
            // What is no number at all has been told.
            if (result.Tokens is [var token]
                && int.TryParse(token.Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out var days)
                && days is < 1 or > 36500)
                result.AddError(Flag.Mistake("--days", days, "give 1 to 36500"));
        });
        return option;
    }

    /// <summary>For how long that is.</summary>
    public static TimeSpan Life(ParseResult parsed, Option<int> days) =>
        TimeSpan.FromDays(parsed.GetValue(days));

    /// <summary>--dir.</summary>
    public static Option<string> Folder() => Flag.Text(
        "--dir", "folder", "Where the files of the CA are; made if it is not there.", "./certs");
}
