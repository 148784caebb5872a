using Kvorum.Node.Administration;
using Kvorum.Node.Groups;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Leaderless.Repair;
using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Node.Replicas;
using Kvorum.Node.Scans;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// What comes to a loop beside clients' calls. A closed family: these kinds and no others, and each says what
/// the loop does about it. Made on any thread; it happens on the loop's.
/// </summary>
internal abstract class LoopEvent
{
    private LoopEvent()
    {
    }

    /// <summary>Its name in traces.</summary>
    public string Name => GetType().Name;

    /// <summary>The loop does what is to be done about it.</summary>
    public abstract void Happen(NodeLoop loop);

    /// <summary>The node starts. Loop 0.</summary>
    public sealed class Started : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.PeerAdmission.Begin();
    }

    /// <summary>A connection to a peer stands. Loop 0.</summary>
    public sealed class PeerConnected(NodeId peer) : LoopEvent
    {
        public override void Happen(NodeLoop loop)
        {
            loop.PeerAdmission.PeerUp(peer);
            loop.AskClock(peer);
        }
    }

    /// <summary>A connection to a peer is lost. Loop 0.</summary>
    public sealed class PeerDisconnected(NodeId peer) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.PeerAdmission.PeerDown(peer);
    }

    /// <summary>A peer tells its incarnation. Loop 0.</summary>
    public sealed class Introduced(NodeId from, IncarnationHello hello) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.PeerAdmission.Introduced(from, hello);
    }

    /// <summary>A peer knows this node's incarnation, or refuses it. Loop 0.</summary>
    public sealed class HelloAnswered(NodeId from, AdmissionAnswer answer) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.PeerAdmission.Answered(from, answer);
    }

    /// <summary>The node takes part from now on.</summary>
    public sealed class TakePart : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Peers.TakePart();
    }

    /// <summary>The node takes part no more.</summary>
    public sealed class TakeNoPart : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Peers.TakeNoPart();
    }

    /// <summary>The node is to have these replicas.</summary>
    public sealed class ReplicasPlaced(IReadOnlyList<GroupBirth> births) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Make(births);
    }

    /// <summary>A keyspace is wanted. Loop of the metadata group.</summary>
    public sealed class KeyspaceWanted(KeyspaceSettings settings) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Desk.Create(settings);
    }

    /// <summary>Another status of a member is wanted. Loop of the metadata group.</summary>
    public sealed class StatusWanted(NodeId member, MemberStatus status) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Desk.Change(member, status);
    }

    /// <summary>A node wants to join. Loop of the metadata group.</summary>
    public sealed class JoinAsked(JoinAsk ask, Action<ReadOnlyMemory<byte>> answer) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => answer(JoinCodec.Encode(loop.Desk.Take(ask)));
    }

    /// <summary>A node that is no member, as far as is known here, has dialled. Loop 0.</summary>
    public sealed class DialledInVain(string address) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.PeerAdmission.DialledInVain(address);
    }

    /// <summary>What came of asking to join. Loop 0.</summary>
    public sealed class JoinAnswered(string address, JoinAnswer? answer, string? failure) : LoopEvent
    {
        public override void Happen(NodeLoop loop) =>
            loop.PeerAdmission.JoinAnswered(address, answer, failure);
    }

    /// <summary>A node reports. Loop of the metadata group.</summary>
    public sealed class ReportCame(NodeId from, NodeReport report) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Plans.Take(from, report);
    }

    /// <summary>
    /// A node reports of its replicas of quorum keyspaces. Loop of the metadata group.
    /// </summary>
    public sealed class QuorumReportCame(NodeId from, QuorumReport report) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Plans.Quorums.Take(from, report);
    }

    /// <summary>A hint is to be kept. Loop of the hints.</summary>
    public sealed class HintWanted(Hint hint, Action<bool> done) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Quorums.Hints.Keep(hint, done);
    }

    /// <summary>A hint is durable, or is not kept.</summary>
    public sealed class HintKept(Action<bool> done, bool isKept) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => done(isKept);
    }

    /// <summary>An operator asks. Loop of the metadata group.</summary>
    public sealed class AdminAsked(AdminTask task) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Admin.Take(task);
    }

    /// <summary>An operator's request that was passed on is answered. Loop of the metadata group.</summary>
    public sealed class AdminAnswered(NodeId from, ulong task, AdminReply reply) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Admin.Answered(from, task, reply);
    }

    /// <summary>A peer is up, and heard from now on.</summary>
    public sealed class PeerUp(NodeId peer) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Peers.PeerUp(peer);
    }

    /// <summary>A peer is silent for too long; told again now and then while it is.</summary>
    public sealed class PeerSuspected(NodeId peer) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Peers.PeerSuspected(peer);
    }

    /// <summary>A peer is lost.</summary>
    public sealed class PeerDown(NodeId peer, PeerLoss loss) : LoopEvent
    {
        public override void Happen(NodeLoop loop)
        {
            loop.Peers.PeerDown(peer, loss);
            loop.Admin.PeerLost(peer);
        }
    }

    /// <summary>Messages of Raft.</summary>
    public sealed class RaftMessages(List<(GroupId Group, Message Message)> messages) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Peers.Step(messages);
    }

    /// <summary>A piece of a snapshot, or the offer of one.</summary>
    public sealed class SnapshotChunkCame(NodeId from, SnapshotChunk chunk) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Peers.Receive(from, chunk);
    }

    /// <summary>The answer to a piece of a snapshot.</summary>
    public sealed class SnapshotAnswered(NodeId from, SnapshotAck ack) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Peers.Receive(from, ack);
    }

    /// <summary>A damaged replica asks for a snapshot.</summary>
    public sealed class RebuildAsked(NodeId from, RebuildAsk ask) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Peers.Receive(from, ask);
    }

    /// <summary>What a peer's replicas have applied.</summary>
    public sealed class DigestsTold(NodeId from, List<GroupDigest> digests) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Peers.Receive(from, digests);
    }

    /// <summary>The answer to a forwarded call needs more room.</summary>
    public sealed class CreditAsked(ulong forward, uint bytes) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Peers.CreditAsked(forward, bytes);
    }

    /// <summary>Forwarded calls are answered.</summary>
    public sealed class ForwardsReplied(List<(ulong Forward, Reply Reply)> replies) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Peers.Replied(replies);
    }

    /// <summary>A coordinator asks replicas of quorum keyspaces.</summary>
    public sealed class QuorumAsked(NodeId from, List<QuorumRequest> questions) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Quorums.Take(from, questions);
    }

    /// <summary>A replica of a quorum keyspace compares itself with one here.</summary>
    public sealed class RepairCame(NodeId from, RepairMessage message) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Quorums.Take(from, message);
    }

    /// <summary>Replicas of quorum keyspaces answer.</summary>
    public sealed class QuorumAnswered(NodeId from, List<QuorumAnswer> answers) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Quorums.Answered(from, answers);
    }

    /// <summary>
    /// A question for a share of a scan's page; the answer goes to a peer, or to this node.
    /// </summary>
    public sealed class ScanAsked(PartialScanRequest ask, Action<PartialScanResult> answer) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Begin(ask, answer);
    }

    /// <summary>A question for a share of a scan's page is answered.</summary>
    public sealed class ScanAnswered(PartialScanResult share) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Peers.Answered(share);
    }

    /// <summary>Work that was run elsewhere has ended.</summary>
    public sealed class JobDone(Action<Exception?> done, Exception? failure) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => done(failure);
    }

    /// <summary>A batch of the log is durable, or could not be written. Made once per batch.</summary>
    public sealed class BatchDone(TurnLog log, TurnBatch batch) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => log.Done(batch);
    }

    /// <summary>Room for a reply was granted.</summary>
    public sealed class RoomGranted(RoomWait wait) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => wait.GoOn();
    }

    /// <summary>Room for a reply was refused.</summary>
    public sealed class RoomRefused(RoomWait wait) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => wait.GiveUp();
    }

    /// <summary>What a replica has put off to the next turn.</summary>
    public sealed class Deferred(Action work) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => work();
    }

    /// <summary>The state of the loop's replicas is asked for.</summary>
    public sealed class StatusAsked(Action<NodeLoop> look) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => look(loop);
    }

    /// <summary>The node is to stop.</summary>
    public sealed class StopAsked(TimeSpan patience, Action done) : LoopEvent
    {
        public override void Happen(NodeLoop loop) => loop.Stop(patience, done);
    }
}
