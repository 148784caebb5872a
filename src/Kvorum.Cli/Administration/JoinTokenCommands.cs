using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Kvorum.Cli.Certificates;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Node.Administration;
using Kvorum.Server.Certificates;
using Spectre.Console;

namespace Kvorum.Cli.Administration;

/// <summary>
/// <c>kvorum join-token</c>: what brings a new node its certificate, once. The operator has the CA at hand
/// and makes the certificate here; the cluster keeps it sealed, and cannot open it.
/// </summary>
internal static class JoinTokenCommands
{
    // A list of revoked certificates that is longer does not fit beside the others: the bound of the cluster.
    private const int ListCharsMax = 6 << 10;

    public static Command Create() => new(
        "join-token", "Makes, lists and revokes tokens by which new nodes get their certificates.")
    {
        Make(), List(), Revoke(),
    };

    private static Command Make()
    {
        var flags = AdminCall.Flags();
        var name = new Argument<string>("node") { Description = "The node's name.", HelpName = "name" };
        var (hosts, days, folder, dryRun) = (
            CertCommand.Hosts(), CertCommand.Days(), CertCommand.Folder(), AdminCall.DryRun());
        var expires = Flag.Time(
            "--expires", "How long the token is accepted, 1m to 7d.", TimeSpan.FromHours(1),
            TimeSpan.FromMinutes(1), TimeSpan.FromDays(7));
        var file = Flag.Text(
            "--out", "file",
            "Where the token is written, for its owner only. [default: standard output]", "");
        var command = new Command(
            "create",
            "Makes a node's certificate with the CA in --dir, and a token that brings it to the node, once. "
                + "It goes to kvorum start --join-token-file.")
        {
            name, hosts, expires, days, folder, file, dryRun,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => ClientCall.Run(parsed, flags, async output =>
        {
            var (node, path) = (parsed.GetValue(name)!, parsed.GetValue(file)!);
            CertCommand.Check(node, parsed.GetValue(hosts)!);
            if (path.Length == 0 && flags.IsJson(parsed))
                throw new CommandException("--json needs --out, which the token goes to", ExitCode.Usage);
            if (path.Length > 0 && Path.Exists(path))
            {
                throw new CommandException(
                    $"{path} is there already, and is not overwritten", ExitCode.NotOk);
            }

            var store = new CertificateStore(parsed.GetValue(folder)!);
            var until = DateTimeOffset.UtcNow + parsed.GetValue(expires).Span;
            var drawn = Draw(store, node, parsed.GetValue(hosts)!, CertCommand.Life(parsed, days));
            var (token, request) = (drawn.Token, drawn.Request with
            {
                ExpiresMs = (ulong)until.ToUnixTimeMilliseconds(),
                DryRun = parsed.GetValue(dryRun),
            });
            await using var client = flags.Connect(parsed);
            var (reply, json) = await AdminCall.Ask(client, request, cancel).ConfigureAwait(false);
            if (flags.IsJson(parsed))
                await output.WriteLineAsync(json).ConfigureAwait(false);
            AdminCall.ThrowUnlessOk(reply);
            if (request.DryRun)
            {
                if (!flags.IsJson(parsed))
                    AdminCall.Tell(output, reply);
                return ExitCode.Ok;
            }

            if (path.Length > 0)
                CertificateStore.WriteSecret(path, token.Reveal());
            else
                await output.WriteLineAsync(token.Reveal()).ConfigureAwait(false);
            var errors = parsed.InvocationConfiguration.Error;
            await errors.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"join token {token.Id}: good once, until {until:u}, for node {node}; its certificate "
                + $"has the serial number {drawn.Serial}")).ConfigureAwait(false);
            if (!drawn.HasList)
            {
                await errors.WriteLineAsync(
                    $"{store.ListPath} is too long to go with it: give it to the node with --tls-crl")
                    .ConfigureAwait(false);
            }

            return ExitCode.Ok;
        }));
        return command;
    }

    // The certificate, its key in no file, and what the cluster is given of it.
    private static (JoinToken Token, CreateJoinToken Request, string Serial, bool HasList) Draw(
        CertificateStore store, string node, string[] hosts, TimeSpan life)
    {
        using var authority = store.Authority();
        using var made = CertCommand.Made(authority, new(CertificateRole.Node, node), hosts, life);
        using var key = made.GetECDsaPrivateKey()!;
        var token = JoinToken.Draw(authority);
        var (authorities, list) = store.Believed();
        var isShort = list.Length <= ListCharsMax;
        var request = new CreateJoinToken(token.Id, node)
        {
            ProofHash = token.ProofHash,
            Sealed = token.Seal(new()
            {
                Node = node,
                Certificate = made.ExportCertificatePem() + "\n",
                Key = key.ExportPkcs8PrivateKeyPem() + "\n",
                Authorities = authorities,
                Lists = isShort ? list : "",
            }),
        };
        return (token, request, made.SerialNumber, isShort);
    }

    private static Command List() => AdminCall.Question(
        "list", "Lists the join tokens that nodes may still use.", new ShowAccess(), static (output, reply) =>
        {
            var table = new Table().RoundedBorder().AddColumns("token", "node", "made", "until", "");
            foreach (var one in reply.Access!.JoinTokens ?? [])
            {
                table.AddRow(
                    new Text(one.Id), new Text(one.Node), new Text(Time(one.CreatedMs)),
                    new Text(Time(one.ExpiresMs)), new Text(one.Used ? "used" : ""));
            }

            Screen.Of(output).Write(table);
        });

    private static Command Revoke()
    {
        var flags = AdminCall.Flags();
        var dryRun = AdminCall.DryRun();
        var id = new Argument<string>("number")
        {
            Description = "The number of the token: the part behind kvorum-join_, or as kvorum join-token "
                + "list shows it.",
        };
        var command = new Command("revoke", "Revokes a join token: no node can use it any more.")
        {
            id, dryRun,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags, new RevokeJoinToken(parsed.GetValue(id)!) { DryRun = parsed.GetValue(dryRun) },
            cancel));
        return command;
    }

    private static string Time(ulong ms) => DateTimeOffset.FromUnixTimeMilliseconds(
        (long)Math.Min(ms, (ulong)DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()))
        .ToString("u", CultureInfo.InvariantCulture);
}
