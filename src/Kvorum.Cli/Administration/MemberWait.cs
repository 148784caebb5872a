using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Client;
using Kvorum.Node.Administration;

namespace Kvorum.Cli.Administration;

/// <summary>
/// Changes a member, and waits until it is empty (drain) or no member any more. A line for each step; the
/// cluster goes on when this command is ended.
/// </summary>
internal static class MemberWait
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(500);

    public static Task<int> Run(
        ParseResult parsed, ClientFlags flags, ChangeMember change, CancellationToken cancel) =>
        ClientCall.Run(parsed, flags, async output =>
        {
            await using var client = flags.Connect(parsed);
            // By its id: its name may be another member's as soon as it is gone.
            var before = Find(await Look(client, cancel).ConfigureAwait(false), change.Member);
            var (reply, _) = await AdminCall.Ask(client, change, cancel).ConfigureAwait(false);
            AdminCall.ThrowUnlessOk(reply);
            var told = "";
            if (!flags.IsJson(parsed))
                await output.WriteLineAsync(reply.Message).ConfigureAwait(false);
            while (true)
            {
                var (isDone, line) = await Progress(client, change, before, cancel).ConfigureAwait(false);
                if (line != told && !flags.IsJson(parsed))
                    await output.WriteLineAsync(told = line).ConfigureAwait(false);
                if (isDone)
                    break;
                await Task.Delay(LookInterval, cancel).ConfigureAwait(false);
            }

            if (flags.IsJson(parsed))
            {
                await output.WriteLineAsync(KeyOutput.Json(json =>
                {
                    json.WriteString("status", "ok");
                    json.WriteString("message", $"{change.Member} {Done(change)}");
                })).ConfigureAwait(false);
            }

            return ExitCode.Ok;
        });

    /// <summary>Whether all is done that is waited for, and how far it is, in a line.</summary>
    internal static (bool IsDone, string Line) Judge(
        ClusterReport report, ChangeMember change, MemberReport? member)
    {
        var name = member?.Name ?? change.Member;
        if (report.Leader.Length == 0)
            return (false, $"the metadata group has no leader: {report.Reason}");
        var now = member is null ? null : report.Members.FirstOrDefault(one => one.Id == member.Id);
        var moves = report.Moves.Count(one => one.Removes.Contains(name));
        if (now is null || (change.Wish == MemberWish.Drain && now.Replicas == 0 && moves == 0))
            return (true, $"{name} {Done(change)}");
        var obstacles = report.Obstacles.Count == 0 ? ""
            : $"; in the way: {report.Obstacles[0].Text}"
                + (report.Obstacles.Count > 1 ? $" (and {report.Obstacles.Count - 1} more)" : "");
        return (false, $"{name}: {now.Replicas} replicas to be moved, {moves} moves under way{obstacles}");
    }

    private static string Done(ChangeMember change) =>
        change.Wish == MemberWish.Drain ? "is empty" : "is no member any more";

    private static async Task<(bool IsDone, string Line)> Progress(
        KvorumClient client, ChangeMember change, MemberReport? member, CancellationToken cancel)
    {
        try
        {
            return Judge(await Look(client, cancel).ConfigureAwait(false), change, member);
        }
        catch (KvorumException e)
        {
            return (false, $"no answer, asking again: {e.Message}");
        }
    }

    private static async Task<ClusterReport> Look(KvorumClient client, CancellationToken cancel)
    {
        var (reply, _) = await AdminCall.Ask(client, new ShowCluster(), cancel).ConfigureAwait(false);
        AdminCall.ThrowUnlessOk(reply);
        return reply.Cluster!;
    }

    private static MemberReport? Find(ClusterReport report, string name) => report.Members.FirstOrDefault(
        one => one.Name == name || $"{one.Id}" == name || $"node-{one.Id}" == name);
}
