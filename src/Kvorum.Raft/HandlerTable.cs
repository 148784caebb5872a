namespace Kvorum.Raft;

/// <summary>
/// Which handler takes which message in which role, once the terms are compared. The table is total: a test
/// proves that each kind of message has a handler in each role.
/// </summary>
internal static class HandlerTable
{
    /// <summary>The kinds of messages; the position is the column of the table.</summary>
    public static IReadOnlyList<Type> Kinds { get; } =
    [
        typeof(RequestVote), typeof(RequestVoteReply), typeof(AppendEntries), typeof(AppendEntriesReply),
        typeof(Heartbeat), typeof(HeartbeatReply), typeof(InstallSnapshot), typeof(TimeoutNow),
        typeof(ReadIndexRequest), typeof(ReadIndexReply),
    ];

    private static readonly Action<RaftNode, Message>[][] Handlers = Build();

    /// <summary>The handler for a message in a role.</summary>
    public static Action<RaftNode, Message> Find(Role role, Message message) =>
        Handlers[(int)role][Kind(message)];

    /// <summary>All handlers of a role, in the order of <see cref="Kinds"/>.</summary>
    public static IReadOnlyList<Action<RaftNode, Message>> Of(Role role) => Handlers[(int)role];

    /// <summary>The column of a message.</summary>
    public static int Kind(Message message) => message switch
    {
        RequestVote => 0,
        RequestVoteReply => 1,
        AppendEntries => 2,
        AppendEntriesReply => 3,
        Heartbeat => 4,
        HeartbeatReply => 5,
        InstallSnapshot => 6,
        TimeoutNow => 7,
        ReadIndexRequest => 8,
        ReadIndexReply => 9,
        _ => throw new InvariantException($"no handler for messages of type {message.GetType().Name}"),
    };

    private static Action<RaftNode, Message>[][] Build()
    {
        var table = new Action<RaftNode, Message>[4][];
        table[(int)Role.Follower] =
        [
            On<RequestVote>((node, m) => node.AnswerVote(m)),
            On<RequestVoteReply>((node, m) => node.CountLatePreVote(m)),
            On<AppendEntries>((node, m) => node.FollowAppend(m)),
            Ignore,
            On<Heartbeat>((node, m) => node.FollowHeartbeat(m)),
            Ignore,
            On<InstallSnapshot>((node, m) => node.FollowSnapshot(m)),
            On<TimeoutNow>((node, m) => node.TakeOver()),
            On<ReadIndexRequest>((node, m) => node.RefuseRead(m)),
            On<ReadIndexReply>((node, m) => node.ForwardedReadAnswered(m)),
        ];
        table[(int)Role.PreCandidate] = Standing(On<RequestVoteReply>((node, m) => node.CountPreVote(m)));
        table[(int)Role.Candidate] = Standing(On<RequestVoteReply>((node, m) => node.CountVote(m)));
        table[(int)Role.Leader] =
        [
            On<RequestVote>((node, m) => node.AnswerVote(m)),
            Ignore,
            On<AppendEntries>((node, m) => node.RefuseSecondLeader(m)),
            On<AppendEntriesReply>((node, m) => node.LeadAppendReply(m)),
            On<Heartbeat>((node, m) => node.RefuseSecondLeader(m)),
            On<HeartbeatReply>((node, m) => node.LeadHeartbeatReply(m)),
            On<InstallSnapshot>((node, m) => node.RefuseSecondLeader(m)),
            Ignore,
            On<ReadIndexRequest>((node, m) => node.LeadRead(new(m.From, m.ReadId))),
            Ignore,
        ];
        return table;
    }

    /// <summary>
    /// Both kinds of candidates differ only in the answers they count; a leader of their term ends them.
    /// </summary>
    private static Action<RaftNode, Message>[] Standing(Action<RaftNode, Message> countVote) =>
    [
        On<RequestVote>((node, m) => node.AnswerVote(m)),
        countVote,
        On<AppendEntries>((node, m) => node.YieldTo(m, () => node.FollowAppend(m))),
        Ignore,
        On<Heartbeat>((node, m) => node.YieldTo(m, () => node.FollowHeartbeat(m))),
        Ignore,
        On<InstallSnapshot>((node, m) => node.YieldTo(m, () => node.FollowSnapshot(m))),
        Ignore,
        On<ReadIndexRequest>((node, m) => node.RefuseRead(m)),
        Ignore,
    ];

    private static Action<RaftNode, Message> On<T>(Action<RaftNode, T> handle) where T : Message =>
        (node, message) => handle(node, (T)message);

    /// <summary>The message is out of date for this role: nothing depends on it.</summary>
    private static void Ignore(RaftNode node, Message message)
    {
    }
}
