using System.Text;
using Kvorum.Raft;

namespace Kvorum.Simulator.Groups;

/// <summary>Readys, messages and entries as lines of text.</summary>
internal static class Transcript
{
    public static string Of(Message message) =>
        $"{message.From}->{message.To} {message.GetType().Name} t{message.Term}{Body(message)}";

    private static string Body(Message message) => message switch
    {
        RequestVote m => $" last={m.LastIndex}/t{m.LastTerm}" + (m.PreVote ? " pre" : "")
            + (m.Transfer ? " transfer" : ""),
        RequestVoteReply m => $" {(m.Granted ? "granted" : "refused")}{(m.PreVote ? " pre" : "")}"
            + (m.RemovedAt.Value > 0 ? $" removed-at={m.RemovedAt}" : ""),
        AppendEntries m => $" prev={m.PreviousIndex}/t{m.PreviousTerm} commit={m.Commit} [{Of(m.Entries)}]",
        AppendEntriesReply { Rejected: true } m =>
            $" refused prev={m.Index} hint={m.HintIndex}/t{m.HintTerm}",
        AppendEntriesReply m => $" match={m.Index}",
        Heartbeat m => $" commit={m.Commit} round={m.ReadRound}{(m.Quiesce ? " quiesce" : "")}",
        HeartbeatReply m => $" round={m.ReadRound}",
        InstallSnapshot { Snapshot: var s } m => $" {s.Index}/t{s.Term} {RaftNode.Describe(s.Configuration)}"
            + (m.LeastIndex > s.Index ? $" needs={m.LeastIndex}" : ""),
        ReadIndexReply m => $" index={m.Index?.ToString() ?? "none"}",
        _ => "",
    };

    public static string Of(IEnumerable<Entry> entries) => string.Join(' ', entries.Select(Of));

    public static string Of(Entry entry) => $"{entry.Index}/t{entry.Term}" + entry.Kind switch
    {
        EntryKind.Noop => ":noop",
        EntryKind.Configuration => $":change({Of(ConfigurationCodec.DecodeChange(entry.Data.Span))})",
        _ => entry.Data.Length == 0 ? "" : $":{Encoding.UTF8.GetString(entry.Data.Span)}",
    };

    public static string Of(ConfigurationChange change) => string.Join(' ', change.Changes.Select(Of));

    private static string Of(MemberChange change) => change.Kind switch
    {
        MemberChangeKind.AddVoter => $"+{change.Node}",
        MemberChangeKind.AddLearner => $"~{change.Node}",
        _ => $"-{change.Node}",
    };

    public static string Of(NodeId node, Ready ready)
    {
        List<string> lines = [$"{node} ready {ready.Sequence}"];
        if (ready.HardState is { } state)
        {
            var vote = state.Vote?.ToString() ?? "none";
            lines.Add($"  state term={state.Term} vote={vote} commit={state.Commit}");
        }
        if (ready.Snapshot is { } snapshot) lines.Add($"  install {snapshot.Index}/t{snapshot.Term}");
        if (ready.Entries.Count > 0) lines.Add($"  persist {Of(ready.Entries)}");
        lines.AddRange(ready.Messages.Select(m => $"  send {Of(m)}"));
        lines.AddRange(ready.MessagesAfterPersist.Select(m => $"  then {Of(m)}"));
        if (ready.Committed.Count > 0) lines.Add($"  committed {Of(ready.Committed)}");
        lines.AddRange(ready.Reads.Select(r => $"  read {r.ReadId} at {r.Index?.ToString() ?? "none"}"));
        return string.Concat(lines.Select(line => line + "\n"));
    }
}
