using System.CommandLine;
using System.Globalization;
using Kvorum.Cli.Certificates;
using Kvorum.Cli.CommandLine;
using Kvorum.Node;
using Kvorum.Node.Survival;
using Kvorum.Server.Access;

namespace Kvorum.Cli.Offline;

/// <summary>
/// <c>kvorum user recover</c>: the way back of a cluster that enforces rights and whose last administrator is
/// lost. A plan is applied to the data folders of a majority, which only those can do who have the machines;
/// the cluster does it at the next start.
/// </summary>
internal static class UserRecoverCommand
{
    private static readonly TimeSpan Life = TimeSpan.FromDays(7);

    public static Command Create() => new(
        "recover",
        "Gives a cluster a new administrator, or ends the enforcing of rights, where nobody can any more: "
            + "describe, plan, apply to the folders of a majority of stopped nodes.")
    {
        Describe(), Plan(), Apply(),
    };

    private static Command Describe()
    {
        var data = OfflineFolder.Flag("The data folder of a stopped node. Nothing in it is changed.");
        var command = new Command(
            "describe", "Tells which users a folder knows, and which nodes vote in the metadata group.")
        {
            data,
        };
        KeyFlags.AddTo(command);
        command.SetAction((parsed, _) => OfflineFolder.Run(parsed, parsed.GetValue(data)!, folder => Try(
            parsed, output =>
            {
                var found = AccessRecovery.Describe(folder.Files);
                output.WriteLine(
                    $"{found.NodeName} of cluster {found.ClusterId}: rights are "
                    + (found.Access.IsOn ? "enforced" : "not enforced"));
                output.WriteLine($"vote in the metadata group: {string.Join(", ", found.Voters)}");
                foreach (var user in found.Access.Users.Values)
                {
                    output.WriteLine(
                        $"user {user.Name}{(user.IsDisabled ? ", disabled" : "")}: "
                        + $"roles {string.Join(", ", user.Roles)}; API keys "
                        + string.Join(", ", found.Access.KeysOf(user.Name).Select(static key => key.Id)));
                }
            })));
        return command;
    }

    private static Command Plan()
    {
        var data = OfflineFolder.Flag("The data folder of any stopped node. Nothing in it is changed.");
        var user = Flag.Text(
            "--user", "name",
            "The user who becomes an administrator, with a new API key; made if it is not there. "
            + "[default: none]", "");
        var rightsOff = Flag.Switch("--rights-off", "Rights are not enforced any more.");
        var keyOut = Flag.Text(
            "--key-out", "file", "Where the user's API key is written, for its owner only. [default: none]",
            "");
        var file = RecoverCommand.FileFlag("--out", "The plan to make; it must not be there.");
        var command = new Command(
            "plan", "Says what is to be done, and writes a plan, which holds no secret. Changes nothing.")
        {
            data, user, rightsOff, keyOut, file,
        };
        KeyFlags.AddTo(command);
        command.Validators.Add(result =>
        {
            var hasUser = result.GetValue(user) is { Length: > 0 };
            if (!hasUser && !result.GetValue(rightsOff))
            {
                result.AddError(
                    "give what is to be done: --user <name> with --key-out <file>, or --rights-off");
            }

            if (hasUser != result.GetValue(keyOut) is { Length: > 0 })
                result.AddError("--user and --key-out go together: the user gets an API key");
        });
        command.SetAction((parsed, _) => OfflineFolder.Run(parsed, parsed.GetValue(data)!, folder => Try(
            parsed, output =>
            {
                var found = AccessRecovery.Describe(folder.Files);
                var name = parsed.GetValue(user)!;
                var keyPath = parsed.GetValue(keyOut)!;
                if (keyPath.Length > 0 && Path.Exists(keyPath))
                {
                    throw new CommandException(
                        $"{keyPath} is there already, and is not overwritten", ExitCode.Usage);
                }

                var (id, key, hash) = ApiKey.Draw();
                var order = new AccessOrder
                {
                    Version = AccessOrder.FormatVersion,
                    Id = Guid.NewGuid(),
                    ClusterId = found.ClusterId,
                    Voters = found.Voters,
                    ExpiresMs = (ulong)(DateTimeOffset.UtcNow + Life).ToUnixTimeMilliseconds(),
                    User = name,
                    KeyId = name.Length > 0 ? id : "",
                    KeyHash = name.Length > 0 ? hash : [],
                    RightsOff = parsed.GetValue(rightsOff),
                };
                var path = RecoverCommand.WriteNew(parsed.GetValue(file)!, order.ToJson());
                if (keyPath.Length > 0)
                    CertificateStore.WriteSecret(keyPath, key);
                Tell(output, order, path, keyPath);
            })));
        return command;
    }

    private static void Tell(TextWriter output, AccessOrder order, string path, string keyPath)
    {
        output.WriteLine($"cluster {order.ClusterId}: {order.InWords()}");
        if (keyPath.Length > 0)
            output.WriteLine($"The API key is in {keyPath}, and works once that is done.");
        output.WriteLine(
            $"The plan is in {path}, and holds no secret. Nothing was changed yet. To go on, until "
            + string.Create(
                CultureInfo.InvariantCulture,
                $"{DateTimeOffset.FromUnixTimeMilliseconds((long)order.ExpiresMs):u}: ")
            + $"stop at least {order.Majority()} of {string.Join(", ", order.Voters)}, and on "
            + "each of them run");
        output.WriteLine($"  kvorum user recover apply --data FOLDER --plan FILE --confirm {order.Id}");
        output.WriteLine(
            "Then start them. The cluster does it as soon as so many of them run; each tells so in its log "
            + "and its audit log, and it is an event of the cluster.");
    }

    private static Command Apply()
    {
        var data = OfflineFolder.Flag("The data folder of a stopped node that votes in the metadata group.");
        var file = RecoverCommand.FileFlag("--plan", "The plan, the same for all nodes.");
        var confirm = new Option<string>("--confirm")
        {
            Description = "The id of the plan, as kvorum user recover plan has told it.",
            HelpName = "id",
            Required = true,
        };
        var command = new Command(
            "apply", "Puts the plan into a stopped node's folder. To take it back, remove "
                + $"{AccessOrder.FileName} from there.")
        {
            data, file, confirm,
        };
        KeyFlags.AddTo(command);
        command.SetAction((parsed, _) => OfflineFolder.Run(parsed, parsed.GetValue(data)!, folder => Try(
            parsed, output =>
            {
                var order = RecoverCommand.Read(
                    parsed.GetValue(file)!, static bytes => AccessOrder.Parse(bytes));
                if (!Guid.TryParse(parsed.GetValue(confirm), out var given) || given != order.Id)
                {
                    throw new CommandException(
                        $"--confirm {parsed.GetValue(confirm)} is not {order.Id}: nothing was changed",
                        ExitCode.Usage);
                }

                var isNew = AccessRecovery.Apply(folder.Files, order);
                output.WriteLine(
                    $"{(isNew ? "applied" : "was applied before")}: once {order.Majority()} of "
                    + $"{string.Join(", ", order.Voters)} have it and run, {order.InWords()}");
            })));
        return command;
    }

    private static async Task<int> Try(ParseResult parsed, Action<TextWriter> run)
    {
        try
        {
            run(parsed.InvocationConfiguration.Output);
            return ExitCode.Ok;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NodeStartException
            or FormatException or RecoveryRefusedException)
        {
            await OfflineFolder.Tell(parsed, $"{e.Message.TrimEnd('.')}. Nothing was changed")
                .ConfigureAwait(false);
            return ExitCode.NotOk;
        }
    }
}
