using Kvorum.Raft;

namespace Kvorum.Node;

/// <summary>Kinds of frames between nodes. Values are on the wire: never renumber.</summary>
public enum PeerFrameKind : byte
{
    /// <summary>Raft messages of many groups.</summary>
    Raft = 1,

    /// <summary>A client's request, passed on to the leader.</summary>
    Forward = 2,

    /// <summary>Answer to <see cref="Forward"/>.</summary>
    ForwardReply = 3,

    /// <summary>A piece of a checkpoint.</summary>
    SnapshotChunk = 4,

    /// <summary>Answer to <see cref="SnapshotChunk"/>.</summary>
    SnapshotAck = 5,

    /// <summary>With which data folder a node comes.</summary>
    IncarnationHello = 6,

    /// <summary>Answer to <see cref="IncarnationHello"/>: known, or refused.</summary>
    AdmissionAnswer = 7,

    /// <summary>
    /// The sender's log is slow, its disk almost full, or its clock far from the majority's: it should lead
    /// nothing. No payload; repeated while it is so.
    /// </summary>
    SlowLog = 8,

    /// <summary>A question for some partitions' share of a scan's page.</summary>
    PartialScanRequest = 9,

    /// <summary>Answer to <see cref="PartialScanRequest"/>.</summary>
    PartialScanResult = 10,

    /// <summary>A replica's data is damaged: it asks its leader for a checkpoint.</summary>
    RebuildAsk = 11,

    /// <summary>What the sender's replicas have applied, as hashes; many groups.</summary>
    Digest = 12,

    /// <summary>A question for the peer's wall clock, or the answer.</summary>
    Clock = 13,

    /// <summary>
    /// The answer to a <see cref="Forward"/> is larger than its credit: nothing was done, it is to be asked
    /// for again with so much.
    /// </summary>
    CreditAsk = 14,

    /// <summary>The sender lives. No payload; sent each heartbeat interval, whatever else is sent.</summary>
    Alive = 15,

    /// <summary>
    /// Where the replicas are of groups that the sender leads, and what room its disk has: for the leader of
    /// the metadata group.
    /// </summary>
    Report = 16,

    /// <summary>An operator's request, passed on to the leader of the metadata group.</summary>
    Admin = 17,

    /// <summary>Answer to <see cref="Admin"/>.</summary>
    AdminReply = 18,

    /// <summary>What a coordinator asks of replicas of quorum keyspaces; many questions.</summary>
    QuorumRequest = 19,

    /// <summary>Answers to <see cref="QuorumRequest"/>; many of them.</summary>
    QuorumAnswer = 20,

    /// <summary>What two replicas of a quorum keyspace say to each other to find out what they lack.</summary>
    Repair = 21,

    /// <summary>How the sender's replicas of quorum keyspaces are: for the leader of the metadata group.
    /// </summary>
    QuorumReport = 22,

    /// <summary>Below what nothing comes any more from the sender's coordinators and hints.</summary>
    Watermark = 23,
}

/// <summary>What a node says of itself when it connects.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="PeerAddress">Where other nodes reach it.</param>
/// <param name="ClientAddress">Where clients reach it.</param>
/// <param name="HttpAddress">Where HTTP clients reach it.</param>
public sealed record PeerHello(
    NodeId Id, string Name, string PeerAddress, string ClientAddress, string HttpAddress)
{
    /// <summary>By which founders its cluster was founded; see <see cref="ClusterIdentity"/>.</summary>
    public UInt128 FoundingId { get; init; }

    /// <summary>The cluster that it belongs to; 0 while it does not know.</summary>
    public UInt128 ClusterId { get; init; }

    /// <summary>The format versions that it speaks.</summary>
    public FormatRange Formats { get; init; } = FormatRange.OnlyFirst;

    /// <summary>The version that its cluster has now, as far as it knows.</summary>
    public int ActiveFormat { get; init; } = FormatRange.First;

    /// <summary>True if each of the two speaks the version that the cluster of the other has.</summary>
    public bool SpeaksWith(PeerHello other) => Formats.Meets(other.Formats)
        && Formats.Has(other.ActiveFormat) && other.Formats.Has(ActiveFormat);
}

/// <summary>How a peer was lost.</summary>
public enum PeerLoss : byte
{
    /// <summary>Nothing came for too long: it may be slow, or cut off.</summary>
    Silent,

    /// <summary>The connection was refused or reset: the process is gone.</summary>
    ProcessGone,
}

/// <summary>Receives what comes from peers. Called on the transport's threads; never blocks.</summary>
public interface IPeerReceiver
{
    /// <summary>
    /// A peer is connected and its identity was checked. May come again without a loss between, with newer
    /// addresses.
    /// </summary>
    void PeerUp(PeerHello peer);

    /// <summary>A peer that was up is lost; or a first attempt to reach it failed.</summary>
    void PeerDown(NodeId peer, PeerLoss loss);

    /// <summary>
    /// A peer that is down was reached, and it or this node refuses the other: why, for people. Comes after
    /// the loss, and again at each attempt.
    /// </summary>
    void PeerRefused(NodeId peer, string why)
    {
        // Only where names, addresses and clusters are compared can one refuse.
    }

    /// <summary>
    /// A node of this cluster has dialled and is refused, because it is no member as far as this node knows.
    /// </summary>
    void DialledInVain(PeerHello unknown)
    {
        // Only where members change can one be unknown.
    }

    /// <summary>A whole frame came. The memory belongs to the receiver from now on.</summary>
    void Receive(NodeId from, PeerFrameKind kind, ReadOnlyMemory<byte> payload);

    /// <summary>
    /// A node that may be no member asks to join. <paramref name="answer"/> is called at most once, on any
    /// thread; the asker counts on no answer. The memory belongs to the receiver from now on.
    /// </summary>
    void JoinAsked(ReadOnlyMemory<byte> ask, Action<ReadOnlyMemory<byte>> answer);

    /// <summary>
    /// What came of <see cref="ITransport.AskToJoin"/>: the answer, or why there is none, for people.
    /// </summary>
    void JoinAnswered(string address, ReadOnlyMemory<byte> answer, string? failure);
}

/// <summary>
/// Carries frames to peers: in order per peer while a connection lasts, at most once, possibly not at all.
/// Peers are known by id; the node says at the start where they were, and the transport follows those that
/// have moved and say so.
/// </summary>
public interface ITransport
{
    /// <summary>Starts to connect and to listen.</summary>
    /// <param name="self">What this node says of itself.</param>
    /// <param name="peers">The other members, and where they were last known to be.</param>
    /// <param name="receiver">Told of what comes.</param>
    void Start(PeerHello self, IReadOnlyList<MemberSeed> peers, IPeerReceiver receiver);

    /// <summary>
    /// This node knows from now on to which cluster it belongs: it says so in each hello, and a peer that
    /// belongs to another one is refused. Any thread; after the start.
    /// </summary>
    void Identify(UInt128 clusterId);

    /// <summary>
    /// The cluster has this format version from now on: this node says so in each hello, and a peer that does
    /// not speak it is disconnected, and refused. Any thread; after the start.
    /// </summary>
    void Activate(int format);

    /// <summary>
    /// These are the other members from now on, and this is where the metadata group knows them to be. A
    /// member that is new is dialled; one that has moved is dialled where it is now, unless it is connected:
    /// then it has said itself where it is. One that is missing is disconnected, of which the receiver is
    /// told, and is refused from now on. Any thread; after the start.
    /// </summary>
    void Follow(IReadOnlyList<MemberSeed> peers);

    /// <summary>
    /// Dials an address where a member may be, hands it <paramref name="ask"/>, and tells the receiver of the
    /// answer, once; a few seconds without an answer are a failure. Any thread; after the start.
    /// </summary>
    void AskToJoin(string address, ReadOnlyMemory<byte> ask);

    /// <summary>
    /// Queues a frame. The bytes are copied or written before the call returns. Never blocks; any thread.
    /// False if it was dropped at once, because the peer is not connected or its queue is at its bound.
    /// </summary>
    bool Send(NodeId to, PeerFrameKind kind, ReadOnlySpan<byte> payload);
}
