using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Offline;
using Kvorum.Node.Administration;

namespace Kvorum.Cli.Administration;

/// <summary><c>kvorum user</c>: users and their API keys.</summary>
internal static class UserCommands
{
    public static Command Create() => new(
        "user", "Lists, makes, changes and drops users; makes and revokes their API keys.")
    {
        List(), Make(), Alter(), Drop(), Key(), RevokeKey(), WhoAmI(), UserRecoverCommand.Create(),
    };

    private static Command List() => AdminCall.Question(
        "list", "Lists the users, their roles and API keys.", new ShowAccess(),
        static (output, reply) => AccessTables.Users(Screen.Of(output), reply.Access!));

    private static Command Make()
    {
        var flags = AdminCall.Flags();
        var (name, dryRun) = (Name(), AdminCall.DryRun());
        var roles = Roles("--role", "A role of the user; may be given more than once.");
        var command = new Command(
            "create",
            "Makes a user. A client certificate of that name is the user's; kvorum user key makes an API "
                + "key.")
        {
            name, roles, dryRun,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags,
            new CreateUser(parsed.GetValue(name)!, parsed.GetValue(roles)!)
            {
                DryRun = parsed.GetValue(dryRun),
            },
            cancel));
        return command;
    }

    private static Command Alter()
    {
        var flags = AdminCall.Flags();
        var (name, dryRun, force) = (Name(), AdminCall.DryRun(), Force());
        var grant = Roles("--grant", "A role that the user gets; may be given more than once.");
        var revoke = Roles("--revoke", "A role that the user loses; may be given more than once.");
        var disabled = Flag.OptionalSwitch(
            "--disabled", "Whether the user has no rights for now. [default: as it is]");
        var command = new Command("alter", "Gives a user roles, takes roles away, or disables the user.")
        {
            name, grant, revoke, disabled, dryRun, force,
        };
        flags.AddTo(command);
        command.Validators.Add(result =>
        {
            if (!new Option[] { grant, revoke, disabled }.Any(
                option => result.GetResult(option) is { Implicit: false }))
                result.AddError("give what is to change: --grant <role>, --revoke <role>, or --disabled");
        });
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags,
            new AlterUser(parsed.GetValue(name)!)
            {
                Grant = parsed.GetValue(grant)!,
                Revoke = parsed.GetValue(revoke)!,
                Disabled = parsed.GetValue(disabled),
                DryRun = parsed.GetValue(dryRun),
                Force = parsed.GetValue(force),
            },
            cancel));
        return command;
    }

    private static Command Drop()
    {
        var flags = AdminCall.Flags();
        var (name, dryRun, force) = (Name(), AdminCall.DryRun(), Force());
        var command = new Command("drop", "Drops a user, with all API keys of that user.")
        {
            name, dryRun, force,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags,
            new DropUser(parsed.GetValue(name)!)
            {
                DryRun = parsed.GetValue(dryRun),
                Force = parsed.GetValue(force),
            },
            cancel));
        return command;
    }

    private static Command Key()
    {
        var flags = AdminCall.Flags();
        var (name, dryRun) = (Name(), AdminCall.DryRun());
        var expires = Flag.OptionalTime("--expires", "How long it is accepted. [default: until it is "
            + "revoked]");
        var command = new Command(
            "key", "Makes an API key of a user and prints it, this once: the cluster keeps a hash of it "
                + "only.")
        {
            name, expires, dryRun,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Run(
            parsed, flags,
            new CreateApiKey(parsed.GetValue(name)!)
            {
                ExpiresMs = parsed.GetValue(expires) is { } life
                    ? (ulong)DateTimeOffset.UtcNow.Add(life.Span).ToUnixTimeMilliseconds() : null,
                DryRun = parsed.GetValue(dryRun),
            },
            // The key alone, so that it can be sent into a file.
            static (output, reply) => output.WriteLine(reply.ApiKey ?? reply.Message), cancel));
        return command;
    }

    private static Command RevokeKey()
    {
        var flags = AdminCall.Flags();
        var dryRun = AdminCall.DryRun();
        var id = new Argument<string>("number")
        {
            Description = "The number of the key: the part behind kvorum_, or as kvorum user list shows it.",
        };
        var command = new Command("revoke-key", "Revokes an API key: within a second no node accepts it.")
        {
            id, dryRun,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags, new RevokeApiKey(parsed.GetValue(id)!) { DryRun = parsed.GetValue(dryRun) },
                cancel));
        return command;
    }

    private static Command WhoAmI() => AdminCall.Question(
        "whoami", "Tells as whom the cluster knows you, and what you may do.", new ShowIdentity(),
        static (output, reply) => AccessTables.Identity(output, reply.Identity!));

    private static Argument<string> Name() => new("name") { Description = "The user." };

    private static Option<bool> Force() => Flag.Switch(
        "--force", "Do it although nobody could change users and roles afterwards.");

    private static Option<string[]> Roles(string flag, string description) => new(flag)
    {
        Description = description,
        HelpName = "role",
        DefaultValueFactory = static _ => [],
    };
}
