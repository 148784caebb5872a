namespace Kvorum.Node;

/// <summary>Every bound inside the node, with its reason.</summary>
internal static class Limits
{
    /// <summary>
    /// Calls in one loop, waiting or under way: at 1 KiB each this is 100 MB, and more would only wait longer
    /// than its deadline.
    /// </summary>
    public const int CallsPerLoop = 100_000;

    /// <summary>Events from peers that wait for one loop's turn; more are dropped.</summary>
    public const int PeerEventsPerLoop = 65_536;

    /// <summary>Bytes of the frames that those came in; once there are as many, more are dropped.</summary>
    public const long PeerEventBytesPerLoop = 256 << 20;

    /// <summary>
    /// Writes under way whose commit is awaited, per partition: enough for the deepest pipeline seen to pay.
    /// </summary>
    public const int ProposalsPerPartition = 20_000;

    /// <summary>The longest a call may wait: longer timeouts are cut to it.</summary>
    public const long CallTimeoutMaxMs = 300_000;

    /// <summary>
    /// How often deadlines are looked at, and a leader is sought again: calls end up to this much late.
    /// </summary>
    public const long DeadlineSweepMs = 50;

    /// <summary>How often a loop looks at a replica at rest.</summary>
    public const long RestMs = 1000;

    /// <summary>Of so many sweeps one looks at it.</summary>
    public const int SweepsOfRest = (int)(RestMs / DeadlineSweepMs);

    /// <summary>How often a loop looks which replicas their groups do not have any more.</summary>
    public const long GivenUpMs = 1000;

    /// <summary>
    /// After so long without an answer, a read of a quorum keyspace asks another replica, too: far above what
    /// a disk or a network takes when all is well.
    /// </summary>
    public const long SlowReplicaMs = 50;

    /// <summary>
    /// Superseded writes that each replica of a quorum keyspace can list: enough to see who writes over whom.
    /// </summary>
    public const int SupersededKept = 16;

    /// <summary>Bytes of a key that are listed with them: a status must stay small.</summary>
    public const int SupersededKeyBytes = 256;

    /// <summary>
    /// After so long a replica that is up and has not answered is asked again: question or answer may have
    /// been lost with a connection that was made anew. Doubled each time.
    /// </summary>
    public const long AskAgainMs = 1000;

    /// <summary>
    /// How long a read of a quorum keyspace that was answered waits for late answers: they tell which
    /// replicas are to be repaired.
    /// </summary>
    public const long LateAnswersMs = 1000;

    /// <summary>
    /// Bytes of records that a replica compares at once: what its answer to an exchange may have, and a
    /// record.
    /// </summary>
    public const long RepairRangeBytes = 4 << 20;

    /// <summary>Remembered requests that one message has for a replica that is being filled.</summary>
    public const int RequestsAtOnce = 1000;

    /// <summary>How long an exchange of two replicas waits for its first answer.</summary>
    public const long RepairOpenMs = 2000;

    /// <summary>How long an exchange of two replicas waits for an answer.</summary>
    public const long RepairPatienceMs = 30_000;

    /// <summary>When an exchange that did not succeed is tried again.</summary>
    public const long RepairRetryMs = 1000;

    /// <summary>Bytes of hints that are handed over at a time; half as many after each failure.</summary>
    public const long HandOverBytes = 256 << 10;

    /// <summary>As few as that after failures; a larger hint goes alone.</summary>
    public const long HandOverBytesLeast = 4 << 10;

    /// <summary>
    /// How long a hand-over of hints waits for the next answer; twice as long after each failure. A node that
    /// was just started drops what comes before it has heard who asks.
    /// </summary>
    public const long HandOverFirstMs = 1000;

    /// <summary>The longest wait for the next answer of a hand-over.</summary>
    public const long HandOverMs = 10_000;

    /// <summary>How often hints are looked at whose node is no replica any more.</summary>
    public const long HandOverRetryMs = 1000;

    /// <summary>How often the horizons of replicas of quorum keyspaces are looked at.</summary>
    public const long HorizonSweepMs = 250;

    /// <summary>How often a node tells its low watermark, while there are quorum keyspaces.</summary>
    public const long WatermarkMs = 2000;

    /// <summary>When a replica tells its marks again, for what was told may be lost.</summary>
    public const long TellAgainMs = 5000;

    /// <summary>How often leaders look whether the preferred leader should have the group.</summary>
    public const long BalanceIntervalMs = 1000;

    /// <summary>
    /// Time that a peer must have been up before leadership is given to it: it is busy catching up.
    /// </summary>
    public const long BalanceUpMs = 2000;

    /// <summary>How often each peer's wall clock is asked for: a jump is noticed this much late.</summary>
    public const long ClockAskMs = 1000;

    /// <summary>
    /// How often a peer is asked that has never answered: a node that was just started should know the clocks
    /// before it leads.
    /// </summary>
    public const long ClockAskFirstMs = 100;

    /// <summary>
    /// How long an answer counts: some lost answers in a row do not matter, and monotonic clocks hardly part
    /// in that time.
    /// </summary>
    public const long ClockKeepMs = 10_000;

    /// <summary>
    /// Leaderships given away in one balance round of a loop, so that a round is never felt.
    /// </summary>
    public const int TransfersPerRound = 8;

    /// <summary>Entries that a follower may lack and still be given leadership.</summary>
    public const ulong TransferLagEntries = 64;

    /// <summary>
    /// Entries that a learner may lack and still become a voter: what a leader commits in some hundredths of
    /// a second at full rate, so that a group that is written without a pause can be moved.
    /// </summary>
    public const ulong CaughtUpLagEntries = 1024;

    /// <summary>
    /// Rank steps of the early election after a crash, in milliseconds: longer than an election round between
    /// live nodes.
    /// </summary>
    public const int EarlyElectionStepMs = 120;

    /// <summary>
    /// Time from append to durable from which a log is too slow to lead with: far beyond any healthy disk,
    /// and below the election timeout that would otherwise be the only way out.
    /// </summary>
    public const long SlowLogMs = 400;

    /// <summary>Seconds in a row that must be slow.</summary>
    public const int SlowLogSeconds = 3;

    /// <summary>Time below which a log that was slow counts as well again.</summary>
    public const long FastLogMs = 100;

    /// <summary>Seconds in a row that must be fast again.</summary>
    public const int FastLogSeconds = 10;

    /// <summary>
    /// The least that a turn of loop 0 may take and still count as running, for the failure detector: a turn
    /// under load.
    /// </summary>
    public const long OwnStepMs = 50;

    /// <summary>
    /// How often a node makes sure that it knows the newest users and rights, where there are any: a small
    /// part of the least --rights-grace.
    /// </summary>
    public const long FreshnessMs = 250;

    /// <summary>
    /// The same where there are no users yet: a part of the usual --rights-grace, and so rare that an idle
    /// metadata group rests.
    /// </summary>
    public const long IdleFreshnessMs = 60_000;

    /// <summary>
    /// How often groups without leader try again while a peer is suspected: longer than an early election of
    /// two survivors, one after the other.
    /// </summary>
    public const long SuspectReminderMs = 400;

    /// <summary>How long the news of a slow log holds; it is repeated each balance interval.</summary>
    public const long SlowNewsMs = 3500;

    /// <summary>Segments of the log that should still fit on the disk before values are refused.</summary>
    public const int DiskReserveSegments = 4;

    /// <summary>How often the room on the disk is looked at when little is written.</summary>
    public const long DiskLookMs = 1000;

    /// <summary>Pause before a checkpoint for which there was no room is tried again.</summary>
    public const long DiskFullRetryMs = 2000;

    /// <summary>
    /// How often a peer that has not answered is told again which data folder this node comes with.
    /// </summary>
    public const long HelloRetryMs = 500;

    /// <summary>
    /// Members of a cluster: all follow the metadata group, and a configuration takes no more.
    /// </summary>
    public const int MembersMax = 64;

    /// <summary>
    /// For how long a member hears no leader of the metadata group before it asks other nodes for the
    /// members: longer than an election takes.
    /// </summary>
    public const long MembersSoughtMs = 3000;

    /// <summary>How often it asks the next one then.</summary>
    public const long MembersAskedMs = 1000;

    /// <summary>How often a node that wants to join asks the next member.</summary>
    public const long JoinRetryMs = 300;

    /// <summary>
    /// How long a replica that was removed from its group is kept: if it is wanted again meanwhile, it goes
    /// on with what it has.
    /// </summary>
    public const long RemovedKeepMs = 5000;

    /// <summary>How often leaders tell the metadata group's leader how far their groups are.</summary>
    public const long ReportMs = 200;

    /// <summary>
    /// How often they tell it of groups of which there is no news, so that a new leader knows all of them.
    /// </summary>
    public const long ReportAllMs = 5000;

    /// <summary>How long a member must be away before all are told: restarts and short cuts are no news.
    /// </summary>
    public const long DownNewsMs = 3000;

    /// <summary>Events of the cluster that are kept for those who follow it.</summary>
    public const int ClusterEventsKept = 1000;

    /// <summary>Events in one answer: some ten KiB.</summary>
    public const int EventsPerReply = 200;

    /// <summary>
    /// Questions for events that a node holds at a time: of each it keeps the question, and no events.
    /// </summary>
    public const int EventWatchersMax = 1024;

    /// <summary>How often the metadata group's leader looks whether replicas should be elsewhere.</summary>
    public const long PlanMs = 1000;

    /// <summary>
    /// How long an operator is shown that timestamps were refused, and how often events tell of it.
    /// </summary>
    public const long ClockAlarmMs = 60_000;

    /// <summary>Administrative requests that a node has under way: operators are few.</summary>
    public const int AdminTasksMax = 256;

    /// <summary>Roles that can be made.</summary>
    public const int RolesMax = 256;

    /// <summary>Rights of a role.</summary>
    public const int GrantsOfRoleMax = 64;

    /// <summary>Users of a cluster: every node has all of them in memory.</summary>
    public const int UsersMax = 10_000;

    /// <summary>Roles of a user.</summary>
    public const int RolesOfUserMax = 32;

    /// <summary>API keys of a user.</summary>
    public const int ApiKeysOfUserMax = 16;

    /// <summary>Join tokens that have not ended: every node has all of them in memory.</summary>
    public const int JoinTokensMax = 64;

    /// <summary>Longest life of a join token: a week.</summary>
    public const ulong JoinTokenLifeMaxMs = 7 * 86_400_000;

    /// <summary>What a node draws that shows a join token, so that it alone may ask again.</summary>
    public const int ClaimantBytes = 32;

    /// <summary>What a join token seals: certificate, key, CAs and their list of revoked ones.</summary>
    public const int SealedBytesMax = 12 << 10;

    /// <summary>How often one is passed on: to the leader, and further if that has just changed.</summary>
    public const byte AdminHops = 2;

    /// <summary>How often an administrative request looks for a leader again.</summary>
    public const long AdminRetryMs = 100;

    /// <summary>
    /// How long a question about the cluster waits for a leader before a node tells what it knows itself:
    /// about an election.
    /// </summary>
    public const long AdminPatienceMs = 1500;

    /// <summary>How often a change that does not come true is proposed again by the same leader.</summary>
    public const long AdminProposeMs = 1000;

    /// <summary>Moves that a report of the cluster lists; all are counted.</summary>
    public const int AdminMovesListed = 200;

    /// <summary>
    /// Memtables of one loop that are on their way to tables because of the log that they hold: one that is
    /// written, and one that is next.
    /// </summary>
    public const int FlushesAtOnce = 2;

    /// <summary>
    /// Segments of the log beyond which idle groups that hold the oldest are checkpointed: some more than
    /// those that are written to fill before their own checkpoint is due.
    /// </summary>
    public const int LogSegmentsMax = 10;

    /// <summary>
    /// Entries kept in memory below a checkpoint, for followers that lag a little: cheaper than a snapshot.
    /// </summary>
    public const int TrailingEntries = 4096;

    /// <summary>
    /// Bytes that the data of many entries shares: a large object to the collector, which leaves it where it
    /// is.
    /// </summary>
    public const int EntryChunkBytes = 128 << 10;

    /// <summary>How often a partition may be checkpointed only to give room back.</summary>
    public const long ReclaimMs = 10_000;

    /// <summary>Least room that is worth it: less is given back with the next checkpoint.</summary>
    public const long ReclaimBytesMin = 1 << 20;

    /// <summary>The least share of a tree's tables that is worth it is one of so many.</summary>
    public const int ReclaimShare = 5;

    /// <summary>Bytes that one piece of a compaction reads: some tens of milliseconds.</summary>
    public const long CompactionPieceBytes = 4 << 20;

    /// <summary>Flushed tables from which compactions do not pause between pieces any more.</summary>
    public const int CompactionUrgentTables = 12;

    /// <summary>Readies with messages that wait for an install; further messages are dropped.</summary>
    public const int ReadiesHeld = 256;

    /// <summary>Bytes of a checkpoint in one frame.</summary>
    public const int SnapshotChunkBytes = 256 << 10;

    /// <summary>Time without any progress after which a checkpoint transfer is given up.</summary>
    public const long SnapshotStallMs = 10_000;

    /// <summary>Time without an answer after which a follower is asked again how far it is.</summary>
    public const long SnapshotAskMs = 2000;

    /// <summary>How often a follower that writes a piece says so.</summary>
    public const long SnapshotBusyMs = 1000;

    /// <summary>
    /// How long both sides of an interrupted transfer keep what is needed to go on: longer than a process
    /// takes to start, or a line to come back. It holds tables that were compacted since.
    /// </summary>
    public const long SnapshotKeepMs = 60_000;

    /// <summary>
    /// Entries kept in memory for followers that are being sent a checkpoint, per partition: besides their
    /// bytes (NodeOptions.WantedLogBytes) they cost memory of their own.
    /// </summary>
    public const int WantedEntries = 100_000;

    /// <summary>
    /// How far ahead of its rate work may be that goes at a pace: at least two ticks, which are when it is
    /// looked at.
    /// </summary>
    public const long PaceBurstMs = 50;

    /// <summary>How often a damaged replica asks for a checkpoint.</summary>
    public const long RebuildAskMs = 1000;

    /// <summary>
    /// The same after a checkpoint that this node's disk took and could not give back: the next is no better
    /// for being sent at once.
    /// </summary>
    public const long RebuildPauseMs = 30_000;

    /// <summary>
    /// How often replicas tell each other the hash of what they have applied: the time for which replicas
    /// that contradict each other may go on unnoticed.
    /// </summary>
    public const long DigestMs = 5000;

    /// <summary>
    /// Time for voters to say which of two histories they have: two more digests, if the answers are lost.
    /// </summary>
    public const long DisputeMs = 11_000;

    /// <summary>Bytes of digests from which a frame is sent: some hundred groups.</summary>
    public const int DigestFrameBytes = 64 << 10;

    /// <summary>
    /// Starts of terms that are kept with a history, 24 bytes each: a snapshot for a replica that is further
    /// behind cannot be compared with what that has.
    /// </summary>
    public const int TermStarts = 64;

    /// <summary>Checkpoints that one loop sends at once.</summary>
    public const int SnapshotSendsMax = 4;

    /// <summary>Least time between two time-advances of a partition: how late an expiry may show.</summary>
    public const long TimeAdvanceMs = 100;

    /// <summary>Keys removed by one time-advance, so that no entry takes long to apply.</summary>
    public const int ExpiredPerEntry = 1000;

    /// <summary>Floors of clients (the newest forgotten request) kept per partition.</summary>
    public const int SessionFloorsMax = 65_536;

    /// <summary>
    /// Pages of scans that one loop puts together at once: a page and its shares take about twice the page's
    /// bytes.
    /// </summary>
    public const int ScanPagesPerLoop = 32;

    /// <summary>Requests for pages that wait for their turn in one loop.</summary>
    public const int ScanPagesWaiting = 1024;

    /// <summary>Least bytes of a share, so that a few groups that are asked again are worth the
    /// way.</summary>
    public const int ScanShareBytesMin = 16 << 10;

    /// <summary>
    /// Time after which a share that did not come is asked for again: longer than an election round.
    /// </summary>
    public const long ScanShareTimeoutMs = 1000;

    /// <summary>
    /// The same after many tries: a slow follower must not be asked to do the same work ever more often.
    /// </summary>
    public const long ScanShareTimeoutMaxMs = 16_000;

    /// <summary>
    /// After so long without a share of a quorum keyspace, another replica is asked, too: a share is more
    /// work than a read.
    /// </summary>
    public const long SlowShareMs = 250;

    /// <summary>Keys that are looked at for one share, ended ones included: some milliseconds.</summary>
    public const int ScannedRecordsMax = 16_384;

    /// <summary>
    /// Bytes of keys and values that are looked at for one share, wanted or not: what a disk gives in some
    /// ten milliseconds.
    /// </summary>
    public const long ScannedBytesMax = 8 << 20;

    /// <summary>
    /// Bytes of a value that the leader may answer a forwarded call with unasked: what is larger is asked for
    /// again, with room taken for it, and that trip is little beside its bytes.
    /// </summary>
    public const int ForwardCreditBytes = 64 << 10;

    /// <summary>
    /// Bytes of larger values that one loop may have on their way from one peer: two of the largest, so that
    /// heartbeats wait behind no more.
    /// </summary>
    public const long ForwardWindowBytes = 8 << 20;

    /// <summary>How long the answer to a call that has ended is still expected to come.</summary>
    public const long ForwardLingerMs = 30_000;

    /// <summary>
    /// Starts of a node that its log tells of: 16 KiB at most, a start a day for three years. What peers
    /// remember from before is not compared.
    /// </summary>
    public const int LogLivesMax = 1024;

    /// <summary>Lives of a peer that are remembered while this node runs, to tell what comes late.</summary>
    public const int PeerLivesMax = 64;

    /// <summary>
    /// Least time between two notes of how far the peers' logs are, in batches that are written anyway: some
    /// bytes in a few of them.
    /// </summary>
    public const long PeerLogsWithOthersMs = 10;

    /// <summary>The same where nothing else is written.</summary>
    public const long PeerLogsAloneMs = 1000;

    /// <summary>A node loop that has not ticked for so long does not serve: probes are told.</summary>
    public const long LoopStalledMs = 5000;

    /// <summary>Buffers larger than this are not kept for the next frame.</summary>
    public const int KeptBufferBytes = 4 << 20;
}
