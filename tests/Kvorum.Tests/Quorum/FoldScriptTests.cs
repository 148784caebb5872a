using System.Runtime.CompilerServices;
using Kvorum.Quorum;

namespace Kvorum.Tests.Quorum;

/// <summary>Runs the scripts of writes and reads in <c>testdata</c>.</summary>
public class FoldScriptTests
{
    public static TheoryData<string> Writes =>
        [.. Scripts.In(Folder()).Where(name => name.StartsWith("write", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Writes))]
    public void Write(string name)
    {
        WriteFold? fold = null;
        Scripts.Check(Path.Combine(Folder(), name), line => Run(line, ref fold));
    }

    public static TheoryData<string> Reads =>
        [.. Scripts.In(Folder()).Where(name => name.StartsWith("read", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Reads))]
    public void Read(string name)
    {
        ReadFold? fold = null;
        Scripts.Check(Path.Combine(Folder(), name), line => Run(line, ref fold));
    }

    private static string Run(string line, ref ReadFold? fold)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words[0] == "read")
        {
            fold = new ReadFold(
                SetOf(words, "read"), MaskOf(words, "up"), nowMs: 100,
                HybridTimestamp.At(NumberOf(words, "horizon")));
            return State(line, fold.Start(), fold);
        }

        var node = words.Length > 1 ? int.Parse(words[1], null) : 0;
        var step = words[0] switch
        {
            // answer 1 5 [deleted] [expires 200] [whole] [horizon 9]
            "answer" => fold!.Answer(
                node,
                new RecordDigest(
                    words[2] == "none"
                        ? RecordVersion.None
                        : new RecordVersion(HybridTimestamp.At(long.Parse(words[2], null)), new WriterId(1)),
                    words.Contains("deleted"),
                    NumberOf(words, "expires")),
                words.Contains("whole"),
                HybridTimestamp.At(NumberOf(words, "horizon"))),
            "cannot-vote" => fold!.CannotVote(node),
            "failed" => fold!.Failed(node),
            "slow" => fold!.Slow(node),
            "timeout" => fold!.TimedOut(),
            _ => throw new InvalidOperationException($"no command: {line}"),
        };
        return State(line, step, fold!);
    }

    private static string State(string line, ReadStep step, ReadFold fold)
    {
        var text = $"{line}: {step.Outcome}";
        if (!step.AskFull.IsEmpty) text += $", ask {step.AskFull} for the record";
        if (!step.AskDigest.IsEmpty) text += $", ask {step.AskDigest} for the digest";
        if (step.Outcome == ReadOutcome.Succeeded) text += $", found {Text(fold.Found)}";
        if (step.Outcome == ReadOutcome.Succeeded && fold.Newest != fold.Found)
            text += $", newest {Text(fold.Newest)}{(fold.ValueIsAtHand ? "" : " without its value")}";
        if (!fold.Stale.IsEmpty) text += $", stale {fold.Stale}";
        return text + "\n";
    }

    private static string Text(RecordDigest digest) =>
        digest.IsAbsent ? "none" : $"{digest.Version.Time.UnixMs}{(digest.IsDeleted ? " deleted" : "")}";

    private static long NumberOf(string[] words, string before)
    {
        var at = Array.IndexOf(words, before);
        return at < 0 ? 0 : long.Parse(words[at + 1], null);
    }

    private static string Run(string line, ref WriteFold? fold)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words[0] == "write")
        {
            fold = new WriteFold(
                SetOf(words, "write"), SetOf(words, "and"), MaskOf(words, "up"), MaskOf(words, "fallbacks"),
                words.Contains("sloppy"));
            return State(line, fold);
        }

        var node = words.Length > 1 ? int.Parse(words[1], null) : 0;
        var isFlagged = words[^1] is "sent" or "memory";
        switch (words[0])
        {
            case "acked": fold!.Acked(node, !isFlagged); break;
            case "refused": fold!.Refused(node, Enum.Parse<RefusalReason>(words[2])); break;
            case "unreachable": fold!.Unreachable(node, isFlagged); break;
            case "hint-sent": fold!.HintSent(node); break;
            case "hinted": fold!.HintAcked(node, int.Parse(words[2], null), !isFlagged); break;
            case "hint-failed": fold!.HintFailed(node, isFlagged); break;
            case "timeout": fold!.TimedOut(); break;
            default: throw new InvalidOperationException($"no command: {line}");
        }

        return State(line, fold!);
    }

    private static string State(string line, WriteFold fold)
    {
        var text = $"{line}: {fold.Outcome}{(fold.IsByHints ? " by hints" : "")}";
        if (line.StartsWith("write", StringComparison.Ordinal)) text += $", send to {fold.Targets}";
        text += $", on disks {fold.Acknowledged}";
        if (fold.Lacking > 0) text += $", lacks {fold.Lacking}";
        if (!fold.Slow.IsEmpty && fold.Outcome != WriteOutcome.Undecided) text += $", slow {fold.Slow}";
        if (!fold.HintsWanted.IsEmpty) text += $", hints wanted for {fold.HintsWanted}";
        if (!fold.Hinted.IsEmpty) text += $", hinted {fold.Hinted}";
        return text + "\n";
    }

    private static QuorumSet SetOf(string[] words, string before)
    {
        var at = Array.IndexOf(words, before);
        return at < 0
            ? QuorumSet.None
            : new QuorumSet(Mask(words[at + 3]), int.Parse(words[at + 1], null));
    }

    private static ReplicaMask MaskOf(string[] words, string before)
    {
        var at = Array.IndexOf(words, before);
        return at < 0 ? ReplicaMask.None : Mask(words[at + 1]);
    }

    private static ReplicaMask Mask(string text) =>
        text == "-" ? default : ReplicaMask.Of([.. text.Split(',').Select(int.Parse)]);

    private static string Folder([CallerFilePath] string here = "") => Scripts.FolderBeside(here, "Quorum");
}
