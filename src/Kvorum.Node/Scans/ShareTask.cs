using Kvorum.Quorum;
using Kvorum.Storage.Lsm;

namespace Kvorum.Node.Scans;

/// <summary>
/// One loop's answer to a question for a share: every group is read like any key, confirmed together in one
/// round; then the views are merged by a job, so that the loop never walks over keys. Owned by the loop.
/// </summary>
internal sealed class ShareTask(IScanHost host, PartialScanRequest ask, Action<PartialScanResult> answer)
{
    private readonly List<(GroupId Group, PartitionView View)> _parts = [];
    private readonly List<RefusedGroup> _refused = [];
    private readonly long _deadlineMs = host.NowMs + ask.TimeoutMs;
    private int _missing = ask.Groups.Length;
    private string _failure = "";

    public void Begin()
    {
        foreach (var group in ask.Groups)
            host.Take(new ReadViewRequest(group, ask, _deadlineMs, Done));
    }

    private void Done(ReadViewRequest part)
    {
        if (part.View is { } view)
            _parts.Add((part.Group, view));
        else
            _refused.Add(new(part.Group, host.Cluster.Leaders.Of(part.Group), part.Refusal));
        if (_failure.Length == 0)
            _failure = part.Failure;
        if (--_missing > 0)
            return;
        if (_failure.Length == 0)
            Read();
        else
            Fail();
    }

    // Without one of its groups the page cannot be had, whatever the others hold.
    private void Fail()
    {
        foreach (var (_, view) in _parts)
            view.Dispose();
        answer(Refusal() with { Error = _failure, IsUnavailable = true });
    }

    private void Read()
    {
        var refusal = Refusal();
        if (_parts.Count == 0)
        {
            answer(refusal);
            return;
        }

        PartialScanResult? share = null;
        host.Scan(
            () => share = ReadViews(),
            failure => answer(failure switch
            {
                null => share! with { Refused = refusal.Refused },
                TreeDamagedException => Damaged(),
                _ => refusal with { Error = ErrorOf(failure) },
            }));
    }

    // Which of them it is, each finds out itself; other replicas are asked meanwhile.
    private PartialScanResult Damaged()
    {
        foreach (var (group, _) in _parts)
            host.VerifyTables(group);
        var damaged = _parts.Select(
            static part => new RefusedGroup(part.Group, Leader: null, RefusalReason.Damaged));
        return Refusal() with { Refused = [.. _refused, .. damaged] };
    }

    private PartialScanResult Refusal() => new()
    {
        Id = ask.Id,
        Refused = [.. _refused],
        HasRecords = ask.RecordTimeMs is not null,
    };

    private string ErrorOf(Exception failure) =>
        $"{host.Cluster.Members.NameOf(host.Cluster.Self)} could not read: {failure.Message}";

    // A question whose asker waits no more is answered without the work.
    private PartialScanResult ReadViews()
    {
        try
        {
            return host.ClockMs > _deadlineMs
                ? Refusal() with { Refused = [] }
                : ShareReader.Read(ask, _parts);
        }
        finally
        {
            foreach (var (_, view) in _parts)
                view.Dispose();
        }
    }
}
