using Kvorum.Node.Wire;
using Kvorum.Raft;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Membership;

/// <summary>
/// Who comes with which data folder: tells peers this node's incarnation, remembers theirs before anything
/// else is heard from them, refuses a member that comes with another folder than the one known, and lets this
/// node take part once enough others know it (see <see cref="Admission"/>). Owned by node loop 0;
/// <see cref="Alerts"/> is read on any thread.
/// </summary>
internal sealed class Introductions
{
    private readonly NodeContext _context;
    private readonly IReadOnlyList<NodeLoop> _loops;
    private readonly IdentityFile _identity;
    private readonly UInt128 _incarnation;
    private readonly Admission _admission;
    private readonly ByteWriter _frame = new();

    // Peers that are connected and have not answered.
    private readonly SortedSet<NodeId> _unanswered = [];

    // Met for the first time, and not yet known durably.
    private readonly SortedDictionary<NodeId, UInt128> _met = [];
    private readonly SortedDictionary<NodeId, string> _refusedHere = [];
    private readonly SortedDictionary<NodeId, string> _refusedThere = [];
    private KnownMembers _known;
    private bool _isWriting;
    private bool _isAdmitting;
    private long _askedMs;

    // Not before: there was no room to write down what is to be remembered.
    private long _writeAgainMs;
    private volatile string[] _alerts = [];

    public Introductions(NodeContext context, IReadOnlyList<NodeLoop> loops, IdentityFile identity)
    {
        (_context, _loops, _identity) = (context, loops, identity);
        _incarnation = ClusterIdentity.ToUInt128(identity.Incarnation);
        _known = KnownMembers.Read(context.World.Files);
        _admission = new(context.Cluster.Ids.Where(id => id != context.Cluster.Self));
        Publish();
    }

    private NodeLoop Loop => _loops[0];

    private ClusterView Cluster => _context.Cluster;

    /// <summary>What an operator must know of data folders that are refused, here or by others.</summary>
    public IReadOnlyList<string> Alerts => _alerts;

    /// <summary>True if a member refuses this node, which does not take part. Any thread.</summary>
    public bool IsRefused => !Cluster.IsAdmitted && _alerts.Length > 0;

    /// <summary>The node starts. A folder that was admitted once asks nobody.</summary>
    public void Begin()
    {
        if (_identity.Admitted)
            TakePart();
        else
            AdmitIfGranted();
    }

    /// <summary>A connection to the peer stands: it is told who comes.</summary>
    public void PeerUp(NodeId peer)
    {
        _unanswered.Add(peer);
        Introduce(peer);
    }

    public void PeerDown(NodeId peer) => _unanswered.Remove(peer);

    /// <summary>Frames may be lost: whoever has not answered is told again.</summary>
    public void Tick(long nowMs)
    {
        if (nowMs - _askedMs < Limits.IntroductionRetryMs)
            return;
        _askedMs = nowMs;
        foreach (var peer in _unanswered)
            Introduce(peer);
        if (_met.Count > 0)
            Remember();
        AdmitIfGranted();
    }

    /// <summary>A peer says which folder it comes with.</summary>
    public void Introduced(NodeId from, in Introduction introduction)
    {
        var incarnation = introduction.Incarnation;
        if (_known[from] is { } known)
        {
            if (known == incarnation)
                Accept(from, incarnation);
            else
                Refuse(from, known, incarnation);
        }
        else if (_met.TryAdd(from, incarnation))
        {
            Remember();
        }
        else if (_met[from] != incarnation)
        {
            Refuse(from, _met[from], incarnation);
        }
    }

    /// <summary>A peer knows this node's folder, or refuses it.</summary>
    public void Answered(NodeId from, in IntroductionAnswer answer)
    {
        if (answer.Incarnation != _incarnation)
        {
            // A late word of another folder came to the peer after this one's: it must hear again.
            _unanswered.Add(from);
            return;
        }

        if (!_unanswered.Remove(from))
            return;
        if (answer.Refusal.Length > 0)
        {
            _refusedThere[from] = answer.Refusal;
            Cluster.Note($"{Cluster.NameOf(from)} refuses this node: {answer.Refusal}");
        }
        else
        {
            _refusedThere.Remove(from);
            _admission.Vouched(from);
            AdmitIfGranted();
        }

        Publish();
    }

    private void Introduce(NodeId peer)
    {
        _frame.Clear();
        IntroductionCodec.Encode(new Introduction(_incarnation), _frame);
        _context.World.Transport.Send(peer, PeerFrameKind.Introduction, _frame.Written);
    }

    private void Answer(NodeId peer, UInt128 incarnation, string refusal)
    {
        _frame.Clear();
        IntroductionCodec.Encode(new IntroductionAnswer(incarnation, refusal), _frame);
        _context.World.Transport.Send(peer, PeerFrameKind.IntroductionAnswer, _frame.Written);
    }

    private void Accept(NodeId peer, UInt128 incarnation)
    {
        if (_refusedHere.Remove(peer))
        {
            Cluster.Note($"{Cluster.NameOf(peer)} is back with the data folder that this node knows");
            Publish();
        }

        Answer(peer, incarnation, "");
        if (!Cluster.Accept(peer) || !Cluster.IsUp(peer) || !Cluster.IsAdmitted)
            return;
        foreach (var loop in _loops)
            loop.Post(() => loop.PeerUp(peer));
    }

    private void Refuse(NodeId peer, UInt128 first, UInt128 now)
    {
        var name = Cluster.NameOf(peer);
        var why = $"{Cluster.NameOf(Cluster.Self)} knows {name} by the data folder with incarnation "
            + $"{ClusterIdentity.ToGuid(first)}, and it comes with another, {ClusterIdentity.ToGuid(now)}: "
            + "the first may have voted and acknowledged writes, and this one has forgotten it. "
            + $"Stop {name} and start it with its former data folder; without it, leave it stopped: "
            + "the other nodes serve on";
        Cluster.Refuse(peer);
        Answer(peer, now, why);
        if (_refusedHere.TryGetValue(peer, out var told) && told == why)
            return;
        _refusedHere[peer] = why;
        Cluster.Note($"{name} is refused: {why}");
        Publish();
    }

    // One write at a time; whoever is met meanwhile goes into the next.
    private void Remember()
    {
        if (_isWriting || Loop.NowMs < _writeAgainMs)
            return;
        _isWriting = true;
        var written = _known.With(_met);
        var members = _met.ToArray();
        Loop.RunInBackground(
            () => written.Write(_context.World.Files), failure => Remembered(written, members, failure));
    }

    private void Remembered(KnownMembers written, KeyValuePair<NodeId, UInt128>[] members, Exception? failure)
    {
        _isWriting = false;
        if (IsForLater(failure, "who the other members are"))
            return;
        _known = written;
        foreach (var (member, incarnation) in members)
        {
            _met.Remove(member);
            Accept(member, incarnation);
        }

        if (_met.Count > 0)
            Remember();
    }

    private void AdmitIfGranted()
    {
        if (!_admission.IsGranted || _isAdmitting || Cluster.IsAdmitted || Loop.NowMs < _writeAgainMs)
            return;
        _isAdmitting = true;
        Loop.RunInBackground(() => _identity.WriteAdmitted(_context.World.Files), failure =>
        {
            _isAdmitting = false;
            if (!IsForLater(failure, "that this node takes part"))
                TakePart();
        });
    }

    private void TakePart()
    {
        Cluster.Admit();
        Publish();
        foreach (var loop in _loops)
            loop.Post(loop.TakePart);
    }

    private void Publish()
    {
        _alerts = [.. _refusedThere.Values, .. _refusedHere.Values];
        if (!Cluster.IsAdmitted)
        {
            Cluster.WhyNotAdmitted =
                _refusedThere.Count > 0 ? string.Join("; ", _refusedThere.Values) : Waiting();
        }
    }

    private string Waiting()
    {
        var missing = string.Join(" and ", _admission.Missing.Select(Cluster.NameOf));
        return $"waiting for first contact with {missing} (a new data folder takes part when "
            + $"{_admission.Needed} of the other {Cluster.Ids.Count - 1} know it)";
    }

    // What finds no room is tried again: until then nobody is answered, and this node takes no part.
    private bool IsForLater(Exception? failure, string what)
    {
        if (failure is null)
            return false;
        if (failure is not DiskShortageException)
            throw new NodeFaultException($"it could not be written down {what}: {failure.Message}", failure);
        _writeAgainMs = Loop.NowMs + Limits.DiskFullRetryMs;
        return true;
    }
}
