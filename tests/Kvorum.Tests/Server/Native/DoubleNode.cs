using Kvorum.Node;
using Kvorum.Node.Access;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Tests.Server.Native;

/// <summary>A node that answers as a test says: at once, or later when it is told to.</summary>
internal sealed class DoubleNode : INode
{
    private readonly Lock _gate = new();
    private readonly List<Call> _seen = [];

    /// <summary>The answer to a call; null to hold it.</summary>
    public Func<Call, Reply?> Answer { get; set; } = static call => new Reply
    {
        Status = ReplyStatus.Ok,
        Found = call.Request is GetRequest,
        Value = call.Request is GetRequest ? call.Request.Key : default,
        Version = 1,
    };

    public ClusterMap Map { get; set; } = new(Guid.Empty, 1, 1, [], []);

    /// <summary>All calls that came, in order.</summary>
    public IReadOnlyList<Call> Seen
    {
        get
        {
            lock (_gate)
                return [.. _seen];
        }
    }

    public void Submit(Call call)
    {
        lock (_gate)
            _seen.Add(call);
        if (Answer(call) is { } reply)
            Complete(call, reply);
    }

    public NodeHealth Health => new("double", "");

    public AccessTable? Access { get; set; }

    public long MetadataSilenceMs { get; set; }

    public void AskStatus(Action<NodeStatus> done) => done(new NodeStatus
    {
        NodeId = Guid.Empty,
        Name = "double",
        ClusterId = Guid.Empty,
        IsMetaLeader = true,
        MetaTerm = 1,
        IsReady = true,
        NotReadyReason = "",
        MembersUp = ["double"],
        Members = ["double"],
        FailuresTolerated = 0,
        FailuresToleratedNow = 0,
        Partitions = [],
        Reads = 0,
        Writes = 0,
        LogBytes = 0,
    });

    /// <summary>Administrative requests that came, without who asked, and with their times.</summary>
    public List<(AdminRequest Request, TimeSpan Timeout)> Administered { get; } = [];

    /// <summary>Who has asked last; empty if it was no change.</summary>
    public string LastBy { get; private set; } = "";

    /// <summary>What happens in the cluster; null: what <see cref="AdminAnswers"/> tells.</summary>
    public EventHistory? Events { get; set; }

    /// <summary>Why it may be late with events; empty if it is not.</summary>
    public string WhyLate { get; set; } = "";

    public void Administer(AdminRequest request, TimeSpan timeout, Action<AdminReply> done)
    {
        lock (_gate)
        {
            LastBy = (request as AdminChange)?.By ?? "";
            Administered.Add((request is AdminChange one ? one with { By = "" } : request, timeout));
        }

        if (request is ShowEvents asked && Events is { } history)
        {
            history.Answer(asked, done, WhyLate);
            return;
        }

        done(AdminAnswers.Of(request, timeout));
    }

    /// <summary>Answers a held call as a node loop would.</summary>
    public static void Complete(Call call, Reply reply)
    {
        call.Complete(reply);
        call.Sink?.Flush();
    }
}
