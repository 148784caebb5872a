using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Node.Administration;

namespace Kvorum.Cli.Administration;

/// <summary><c>kvorum node</c>: the members, and what the cluster wants of them.</summary>
internal static class NodeCommands
{
    public static Command Create() => new("node", "Lists the members, and empties, removes or gives one up.")
    {
        List(),
        Change(
            "drain", MemberWish.Drain, "Empties a member: others get its replicas. It stays a member."),
        Change(
            "undrain", MemberWish.Undrain,
            "Lets a member hold replicas again that was drained or was to be removed."),
        Change(
            "decommission", MemberWish.Decommission,
            "Empties a member and removes it. Its data folder never comes back."),
        Change(
            "replace", MemberWish.Replace,
            "Gives a member up whose data is lost: others get what it had, and its name is free."),
    };

    private static Command List() => AdminCall.Question(
        "list", "Lists the members, what is wanted of them, and what they hold.", new ShowCluster(),
        static (output, reply) => AdminTables.Members(Screen.Of(output), reply.Cluster!));

    private static Command Change(string verb, MemberWish wish, string description)
    {
        var flags = AdminCall.Flags();
        var name = new Argument<string>("name")
        {
            Description = "The member: its name, its UUID, or node- and its UUID.",
        };
        var (dryRun, force) = (AdminCall.DryRun(), AdminCall.Force());
        var wait = Flag.Switch("--wait", "Wait until it is empty, or removed, and show how far it is.");
        var command = new Command(verb, description) { name, dryRun };
        if (wish is MemberWish.Drain or MemberWish.Decommission)
            command.Options.Add(force);
        if (wish is not MemberWish.Undrain)
            command.Options.Add(wait);
        flags.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetValue(dryRun) && command.Options.Contains(wait) && result.GetValue(wait))
                result.AddError("--dry-run changes nothing, so there is nothing to --wait for");
        });
        command.SetAction((parsed, cancel) =>
        {
            var change = new ChangeMember(parsed.GetValue(name)!, wish)
            {
                DryRun = parsed.GetValue(dryRun),
                Force = command.Options.Contains(force) && parsed.GetValue(force),
            };
            return command.Options.Contains(wait) && parsed.GetValue(wait)
                ? MemberWait.Run(parsed, flags, change, cancel)
                : AdminCall.Change(parsed, flags, change, cancel);
        });
        return command;
    }
}
