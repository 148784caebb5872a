using Kvorum.Node.Administration;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// Asks the replicas of a key what they have of it, on this node and on others, and puts their answers
/// together. What has not answered in time is told as such. Owned by the loop of the metadata group.
/// </summary>
internal sealed class ExplainDesk(NodeContext context, LoopGroup loops, LoopClock clock)
{
    private readonly List<Question> _questions = [];

    // The upper half: the lower one is the router's.
    private ulong _lastId = context.FirstNumber | (1UL << 63);

    private sealed class Question(
        AdminTask task, KeyLocator.Place place, IReadOnlyList<(NodeId Node, ReplicaOfKey Replica)> replicas,
        IReadOnlyList<(NodeId Node, ReplicaOfKey Replica)> standIns)
    {
        public AdminTask Task => task;

        public KeyLocator.Place Place => place;

        public int ReplicasCount { get; } = replicas.Count;

        // The replicas, then the nodes that may stand in for them.
        public IReadOnlyList<NodeId> Nodes { get; } =
            [.. replicas.Concat(standIns).Select(static one => one.Node)];

        public ReplicaOfKey[] Told { get; } =
            [.. replicas.Concat(standIns).Select(static one => one.Replica)];

        // Those that owe an answer, by the number that they were asked with.
        public SortedDictionary<ulong, NodeId> Open { get; } = [];
    }

    /// <summary>Questions that are under way.</summary>
    public int Count => _questions.Count;

    /// <summary>Takes a question about a key; false if the request is another one.</summary>
    public bool TryTake(AdminTask task)
    {
        switch (task.Request)
        {
            case ExplainKey asked:
                Begin(task, asked);
                return true;
            case ShowReplica or ShowHint:
                Show(task.Request, task.Answer);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Another node has answered.</summary>
    public void Answered(NodeId from, ulong id, AdminReply reply)
    {
        if (_questions.Find(one => one.Open.TryGetValue(id, out var asked) && asked == from) is { } question)
            Told(question, id, reply);
    }

    /// <summary>A peer is lost, and the answers that it owes with it.</summary>
    public void PeerLost(NodeId peer)
    {
        foreach (var question in _questions.ToArray())
        {
            foreach (var (id, _) in question.Open.Where(one => one.Value == peer).ToArray())
                Told(question, id, AdminReply.Of(ReplyStatus.Unavailable, "it was lost before it answered"));
        }
    }

    /// <summary>Ends what has waited long enough.</summary>
    public void Tick()
    {
        foreach (var question in _questions.Where(one => one.Task.IsPatienceOver(clock.NowMs)).ToArray())
        {
            foreach (var (_, node) in question.Open)
                Set(question, node, static one => one with { Reason = "it has not answered in time" });
            End(question);
        }
    }

    /// <summary>The node stops.</summary>
    public void End(string self)
    {
        foreach (var question in _questions)
            question.Task.Answer(ReplyStatus.ShuttingDown, $"{self} is shutting down: ask another node");
        _questions.Clear();
    }

    private void Begin(AdminTask task, ExplainKey asked)
    {
        var cluster = context.Cluster;
        if (KeyLocator.WhyNot(cluster, asked.Keyspace, asked.Key) is { } why)
        {
            task.Answer(why);
            return;
        }

        var place = KeyLocator.PlaceOf(cluster, asked.Keyspace, asked.Key);
        var question = new Question(
            task, place, KeyExplainer.Replicas(cluster, place), KeyExplainer.StandIns(cluster, place));
        _questions.Add(question);
        foreach (var (at, node) in question.Nodes.Index())
        {
            var id = ++_lastId;
            AdminRequest show = at < question.ReplicasCount
                ? new ShowReplica(asked.Keyspace, asked.Key) : new ShowHint(asked.Keyspace, asked.Key);
            if (node == cluster.Self)
            {
                question.Open.Add(id, node);
                Show(show, reply => Told(question, id, reply));
            }
            else if (cluster.Health.IsUp(node) && Ask(node, id, task, show))
            {
                question.Open.Add(id, node);
            }
        }

        EndIfKnown(question);
    }

    private bool Ask(NodeId node, ulong id, AdminTask task, AdminRequest show)
    {
        var frame = new ByteWriter();
        AdminCodec.EncodeAsk(id, task.DeadlineMs - clock.NowMs, hops: 0, show, FormatRange.First, frame);
        return context.World.Transport.Send(node, PeerFrameKind.Admin, frame.Written);
    }

    // On the loop that has the replica, or the hints, and answered here.
    private void Show(AdminRequest request, Action<AdminReply> done)
    {
        var cluster = context.Cluster;
        var (keyspace, key) = request is ShowHint hint
            ? (hint.Keyspace, hint.Key) : (((ShowReplica)request).Keyspace, ((ShowReplica)request).Key);
        if (KeyLocator.WhyNot(cluster, keyspace, key) is { } why)
        {
            done(why);
            return;
        }

        var group = KeyLocator.PlaceOf(cluster, keyspace, key).Group;
        void Answer(ReplicaOfKey found) => loops.OfGroup(GroupId.Metadata).Post(new LoopEvent.StatusAsked(_ =>
            done(AdminReply.Of(ReplyStatus.Ok, "") with { Replica = found })));
        if (request is ShowHint)
        {
            loops.OfGroup(GroupId.Hints).Post(new LoopEvent.StatusAsked(
                loop => loop.Quorums.DescribeHint(group, key, Answer)));
            return;
        }

        loops.OfGroup(group).Post(new LoopEvent.StatusAsked(loop =>
            Answer(loop.Find(group)?.Describe(key) ?? new ReplicaOfKey
            {
                Name = cluster.Members.NameOf(cluster.Self),
                State = "up",
                Role = "none",
                Reason = "the node has no replica of the partition yet, or no more",
            })));
    }

    private void Told(Question question, ulong id, AdminReply reply)
    {
        if (!question.Open.Remove(id, out var node))
            return;
        Set(question, node, known => reply.Replica is { } told
            ? told with { Name = known.Name, State = known.State, Place = known.Place }
            : known with { Reason = reply.Message });
        EndIfKnown(question);
    }

    private static void Set(Question question, NodeId node, Func<ReplicaOfKey, ReplicaOfKey> change)
    {
        var at = question.Nodes.ToList().IndexOf(node);
        question.Told[at] = change(question.Told[at]);
    }

    private void EndIfKnown(Question question)
    {
        if (question.Open.Count == 0)
            End(question);
    }

    private void End(Question question)
    {
        if (!_questions.Remove(question))
            return;
        var keyspace = ((ExplainKey)question.Task.Request).Keyspace;
        question.Task.Answer(AdminReply.Of(ReplyStatus.Ok, "") with
        {
            Holders = KeyExplainer.Explain(
                context.Cluster, keyspace, question.Place, question.Told[..question.ReplicasCount],
                question.Told[question.ReplicasCount..]),
        });
    }
}
