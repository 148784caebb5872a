using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Node.Access;
using Kvorum.Node.Administration;

namespace Kvorum.Cli.Administration;

/// <summary><c>kvorum role</c> and <c>kvorum rights</c>: what users may do, and whether that is enforced.
/// </summary>
internal static class RoleCommands
{
    private const string GrantForm =
        "KEYSPACE=ACTIONS or KEYSPACE/PREFIX=ACTIONS, such as orders=read,scan or 'cart/user:=read,write'; "
        + "* stands for every keyspace";

    public static Command Create() => new("role", "Lists, makes and drops roles: names for rights.")
    {
        List(), Make(), Drop(),
    };

    /// <summary><c>kvorum rights</c>.</summary>
    public static Command Rights() => new(
        "rights", "Has rights enforced, or not: without, whoever is let in may do everything.")
    {
        Enforce(true), Enforce(false),
    };

    private static Command List() => AdminCall.Question(
        "list", "Lists the roles and their rights.", new ShowAccess(),
        static (output, reply) => AccessTables.Roles(Screen.Of(output), reply.Access!));

    private static Command Make()
    {
        var flags = AdminCall.Flags();
        var (name, dryRun, force) = (Name(), AdminCall.DryRun(), Force());
        var grants = new Option<string[]>("--grant")
        {
            Description = $"A right of the role: {GrantForm}. May be given more than once. Actions: "
                + $"{string.Join(", ", AccessActionNames.Names)}.",
            HelpName = "grant",
            DefaultValueFactory = static _ => [],
        };
        grants.Validators.Add(static result =>
        {
            foreach (var wrong in result.Tokens.Where(static token => Read(token.Value) is null))
                result.AddError(Flag.Mistake("--grant", wrong.Value, $"give {GrantForm}"));
        });
        var command = new Command(
            "set", "Makes a role with these rights; one of that name has them in place of those that it had.")
        {
            name, grants, dryRun, force,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags,
            new SetRole(parsed.GetValue(name)!,
                [.. parsed.GetValue(grants)!.Select(static one => Read(one)!)])
            {
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
        var command = new Command("drop", "Drops a role.") { name, dryRun, force };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags,
            new DropRole(parsed.GetValue(name)!)
            {
                DryRun = parsed.GetValue(dryRun),
                Force = parsed.GetValue(force),
            },
            cancel));
        return command;
    }

    private static Command Enforce(bool isOn)
    {
        var flags = AdminCall.Flags();
        var (dryRun, force) = (AdminCall.DryRun(), Force());
        var command = new Command(
            isOn ? "on" : "off",
            isOn ? "From now on only those may do something who have a right to it."
                : "From now on whoever is let in may do everything.")
        {
            dryRun, force,
        };
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => AdminCall.Change(
            parsed, flags,
            new EnforceRights(isOn)
            {
                DryRun = parsed.GetValue(dryRun),
                Force = parsed.GetValue(force),
            },
            cancel));
        return command;
    }

    // The last = parts: a prefix may have one, too.
    private static GrantSpec? Read(string text)
    {
        var equals = text.LastIndexOf('=');
        if (equals <= 0)
            return null;
        var actions = text[(equals + 1)..].Split(',', StringSplitOptions.TrimEntries);
        var slash = text[..equals].IndexOf('/', StringComparison.Ordinal);
        var keyspace = slash < 0 ? text[..equals] : text[..slash];
        try
        {
            return keyspace.Length == 0 || AccessActionNames.ParseOrNull(actions) is null ? null
                : new(keyspace, actions, slash < 0 ? null : Bytes.Of(text[(slash + 1)..equals]));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static Argument<string> Name() => new("name") { Description = "The role." };

    private static Option<bool> Force() => Flag.Switch(
        "--force", "Do it although somebody would be locked out, or still has the role.");
}
