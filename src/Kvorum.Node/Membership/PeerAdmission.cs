using Kvorum.Node.Events;
using Kvorum.Node.Wire;
using Kvorum.Raft;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Membership;

/// <summary>
/// Which data folders the peers come with: tells peers this node's incarnation and how far its log is,
/// remembers theirs before anything else is heard from them, refuses a member that comes with another
/// folder than the one known, with a log that lacks what it had, or from another cluster, and lets this
/// node take part once enough others know it (see <see cref="Admission"/>). A node whose log is refused
/// takes no part from then on. Owned by node loop 0; <see cref="HealthIssues"/> is read on any thread.
/// </summary>
internal sealed partial class PeerAdmission
{
    private readonly IAdmissionHost _host;

    // As it is in the folder, or will be with the next write that succeeds.
    private IdentityFile _identity;
    private readonly UInt128 _incarnation;
    private readonly Admission _admission;
    private readonly string[] _addresses;
    private readonly MemberSearch _search;
    private readonly ByteWriter _frame = new();

    private readonly SortedSet<NodeId> _connected = [];

    // Those of them that have not answered.
    private readonly SortedSet<NodeId> _unanswered = [];

    // Met for the first time, and not yet known durably.
    private readonly SortedDictionary<NodeId, IncarnationHello> _met = [];
    // Introduced to again, when they introduced themselves.
    private readonly SortedSet<NodeId> _repeated = [];
    private readonly SortedDictionary<NodeId, string> _refusedHere = [];
    private readonly SortedDictionary<NodeId, string> _refusedThere = [];
    private KnownMembers _known;
    private int _raised;
    private bool _isRaising;

    // The members that the folder remembers, and the version of what was looked at last.
    private IReadOnlyList<Founder> _members;
    private ulong _membersVersion;
    private bool _isWritingMembers;
    private bool _isWriting;
    private bool _isAdmitting;
    private long _askedMs;

    // Not before: there was no room to write down what is to be remembered.
    private long _writeAgainMs;
    private volatile string[] _issues = [];

    // Why this node takes no part any more; null if it may.
    private string? _lost;
    private bool _isLostWritten;
    private bool _isWritingLost;

    /// <param name="host">The node.</param>
    /// <param name="identity">The data folder's.</param>
    /// <param name="join">Where an operator says that members are that can be asked to join.</param>
    public PeerAdmission(IAdmissionHost host, IdentityFile identity, IReadOnlyList<string> join)
    {
        (_host, _identity) = (host, identity);
        _addresses = [.. join.Concat(identity.Join ?? []).Distinct()];
        (_joinThrough, _search) = (new(host), new(host, _addresses));
        _incarnation = ClusterIdentity.ToUInt128(identity.Incarnation);
        _known = KnownMembers.Read(host.World.Files);
        _known.Check(host.PeerLogs.Members);
        foreach (var incarnation in _known.Incarnations.Append(_incarnation))
            Cluster.Folders.Add(incarnation);
        _lives = host.PeerLogs.Lives;
        (_lost, _isLostWritten) = (identity.Lost, identity.Lost is not null);
        _raised = identity.Format;
        _members = identity.Members?.Nodes ?? identity.Founders;
        _membersVersion = identity.Members?.Version ?? 0;
        _admission = new(identity.Founders.Select(static founder => founder.Seed.Id)
            .Where(id => id != host.Cluster.Self));
        Publish();
    }

    private ClusterView Cluster => _host.Cluster;

    /// <summary>What an operator must know of data folders that are refused, here or by others.</summary>
    public IReadOnlyList<string> HealthIssues => _issues;

    /// <summary>True if a member refuses this node, which does not take part. Any thread.</summary>
    public bool IsRefused => !Cluster.IsAdmitted && _issues.Length > 0;

    /// <summary>The peer is connected: introduce this node to it.</summary>
    public void PeerUp(NodeId peer)
    {
        _connected.Add(peer);
        _unanswered.Add(peer);
        _repeated.Remove(peer);
        Introduce(peer);
    }

    /// <summary>The peer is lost.</summary>
    public void PeerDown(NodeId peer)
    {
        _connected.Remove(peer);
        _unanswered.Remove(peer);
    }

    /// <summary>Frames may be lost: peers that have not answered are told again.</summary>
    public void Tick(long nowMs)
    {
        LearnFromMetadata();
        RaiseFolder();
        RememberMembers();
        AskToJoin();
        if (_isBegun && !_identity.IsJoining && Cluster.ClusterIds.IsKnown)
            _search.Tick();
        if (nowMs - _askedMs < Limits.HelloRetryMs)
            return;
        _askedMs = nowMs;
        foreach (var peer in _unanswered)
            Introduce(peer);
        TellReach();
        CountVouchers();
        if (_met.Count > 0)
            Remember();
        JoinIfGranted();
        AdmitIfGranted();
        WriteLost();
    }

    /// <summary>A peer says which folder it comes with.</summary>
    public void Introduced(NodeId from, in IncarnationHello hello)
    {
        if (!IsOfThisCluster(from, hello))
            return;
        Cluster.Members.Introduced(from, hello.Zone, hello.Weight);
        // It may have had no connection for its answer when this node introduced itself. Once is enough.
        if (_unanswered.Contains(from) && _repeated.Add(from))
            Introduce(from);
        var incarnation = hello.Incarnation;
        if (_known[from] is { } known)
        {
            if (known == incarnation)
                LookAtLog(from, hello);
            else
                Refuse(from, known, hello);
        }
        else if (!_met.TryGetValue(from, out var met) || met.Incarnation == incarnation)
        {
            _met[from] = hello;
            Remember();
        }
        else
        {
            Refuse(from, met.Incarnation, hello);
        }
    }

    /// <summary>A peer knows this node's folder, or refuses it.</summary>
    public void Answered(NodeId from, in AdmissionAnswer answer)
    {
        if (answer.Incarnation != _incarnation || answer.Life != _lives.Newest.Id)
        {
            // A late word of another folder or life came to the peer after this one's: it must hear again.
            _unanswered.Add(from);
            return;
        }

        // What another cluster knows of this name is about another node.
        if (answer.Kind != RefusalKind.OtherCluster && Cluster.ClusterIds.IsForeign(answer.ClusterId))
            return;
        if (!_unanswered.Remove(from))
            return;
        if (answer.Kind != RefusalKind.None)
        {
            _refusedThere[from] = answer.Refusal;
            Cluster.Tell(new RefusedByPeer(Cluster.Members.NameOf(from), answer.Refusal));
            if (answer.Kind == RefusalKind.LostLog)
                TakeNoPart(answer.Refusal);
        }
        else
        {
            _refusedThere.Remove(from);
            _admission.Vouched(from, answer.ClusterId);
            _vouchers.Add(from);
            CountVouchers();
            JoinIfGranted();
            AdmitIfGranted();
        }

        Publish();
    }

    private void Introduce(NodeId peer)
    {
        if (!_isBegun)
            return;
        var own = Cluster.Announcement(Cluster.Self)!;
        _frame.Clear();
        IncarnationHelloCodec.Encode(
            new IncarnationHello(
                _incarnation, Cluster.ClusterIds.Cluster, _lives, _host.DurableSequence,
                _identity.Acceptance)
            {
                Zone = own.Zone,
                Weight = own.Weight,
            },
            _frame);
        _host.World.Transport.Send(peer, PeerFrameKind.IncarnationHello, _frame.Written);
    }

    private void Answer(
        NodeId peer, in IncarnationHello to, RefusalKind kind = RefusalKind.None, string refusal = "")
    {
        _frame.Clear();
        IncarnationHelloCodec.Encode(
            new AdmissionAnswer(
                to.Incarnation, to.Lives.Newest.Id, Cluster.ClusterIds.Cluster, kind, refusal), _frame);
        _host.World.Transport.Send(peer, PeerFrameKind.AdmissionAnswer, _frame.Written);
    }

    private void Accept(NodeId peer, in IncarnationHello hello)
    {
        if (_refusedHere.Remove(peer))
        {
            Cluster.Tell(new PeerReturned(Cluster.Members.NameOf(peer)));
            Publish();
        }

        Cluster.Folders.Add(hello.Incarnation);
        var isNew = _host.PeerLogs.Accept(peer, hello);
        Answer(peer, hello);
        isNew |= Cluster.Health.Accept(peer);
        if (!isNew || !Cluster.Health.IsUp(peer) || !Cluster.IsAdmitted)
            return;
        _host.Accepted(peer);
    }

    private void Refuse(NodeId peer, UInt128 first, in IncarnationHello now)
    {
        var name = Cluster.Members.NameOf(peer);
        Refuse(
            peer, now, RefusalKind.OtherFolder,
            $"{Cluster.Members.NameOf(Cluster.Self)} knows {name} by the data folder with incarnation "
                + $"{ClusterIdentity.ToGuid(first)}, and it comes with another, "
                + $"{ClusterIdentity.ToGuid(now.Incarnation)}: "
                + "the first may have voted and acknowledged writes, and this one has forgotten it. "
                + $"Stop {name} and start it with its former data folder; without it, replace it: kvorum "
                + $"node replace {name}, then start it with an empty folder and --join. Until then the other "
                + "nodes serve on");
    }

    private void Refuse(NodeId peer, in IncarnationHello now, RefusalKind kind, string why)
    {
        Cluster.Health.Refuse(peer);
        Answer(peer, now, kind, why);
        if (_refusedHere.TryGetValue(peer, out var told) && told == why)
            return;
        _refusedHere[peer] = why;
        Cluster.Tell(new PeerRefused(Cluster.Members.NameOf(peer), why));
        Publish();
    }

    // One write at a time; peers that are met meanwhile go into the next.
    private void Remember()
    {
        if (_isWriting || _host.NowMs < _writeAgainMs)
            return;
        _isWriting = true;
        var members = _met.ToArray();
        var written = _known.With(members.Select(
            static met => KeyValuePair.Create(met.Key, met.Value.Incarnation)));
        _host.RunInBackground(
            () => written.Write(_host.World.Files), failure => Remembered(written, members, failure));
    }

    private void Remembered(
        KnownMembers written, KeyValuePair<NodeId, IncarnationHello>[] members, Exception? failure)
    {
        _isWriting = false;
        if (IsForLater(failure, "who the other members are"))
            return;
        _known = written;
        foreach (var (member, hello) in members)
        {
            if (_met.Remove(member))
                LookAtLog(member, hello);
        }

        if (_met.Count > 0)
            Remember();
    }

    private void AdmitIfGranted()
    {
        if (!_isBegun || _identity.IsJoining || _lost is not null
            || !_admission.IsGrantedIn(Cluster.ClusterIds.Cluster)
            || _isAdmitting || Cluster.IsAdmitted || _host.NowMs < _writeAgainMs)
            return;
        _isAdmitting = true;
        WriteIdentity(_identity with { Admitted = true }, failure =>
        {
            _isAdmitting = false;
            if (!IsForLater(failure, "that this node takes part") && _lost is null)
                TakePart();
        });
    }

    // The background lane writes one after the other.
    private void WriteIdentity(IdentityFile changed, Action<Exception?> done)
    {
        _identity = changed;
        _host.RunInBackground(() => changed.Write(_host.World.Files), done);
    }

    // From then on a program that does not speak the version refuses the folder before it opens the log.
    private void RaiseFolder()
    {
        if (Cluster.ActiveFormat <= _raised || _isRaising || _host.NowMs < _writeAgainMs)
            return;
        var format = Cluster.ActiveFormat;
        _isRaising = true;
        WriteIdentity(_identity.In(format), failure =>
        {
            _isRaising = false;
            if (!IsForLater(failure, "which format version the cluster has"))
                _raised = format;
        });
    }

    // Those that came later are known by the replica of the metadata group alone, which may be damaged at the
    // next start: then only they can fill it again.
    private void RememberMembers()
    {
        var version = Cluster.Version;
        if (version <= _membersVersion || _isWritingMembers || _host.NowMs < _writeAgainMs)
            return;
        Founder[] told = [.. Cluster.Members.AgreedSeeds.Select(Founder.Of)];
        if (told.SequenceEqual(_members) || told.All(one => one.Seed.Id != Cluster.Self))
        {
            _membersVersion = version;
            return;
        }

        _isWritingMembers = true;
        WriteIdentity(_identity with { Members = new(version, told) }, failure =>
        {
            _isWritingMembers = false;
            if (!IsForLater(failure, "who the members are"))
                (_members, _membersVersion) = (told, version);
        });
    }

    private void TakePart()
    {
        Cluster.Admit();
        Publish();
        _host.TakePart();
    }

    private void Publish()
    {
        string[] refusals = [.. _refusedThere.Values];
        if (_lost is not null && !refusals.Contains(_lost))
            refusals = [_lost, .. refusals];
        _issues = [.. refusals, .. _refusedHere.Values];
        if (!Cluster.IsAdmitted)
            Cluster.WhyNotAdmitted = refusals.Length > 0 ? string.Join("; ", refusals) : Waiting();
    }

    private string Waiting()
    {
        if (!_isBegun)
            return "it is being written to the log that this node has started";
        if (_identity.IsJoining)
            return WaitingToJoin();
        var missing = string.Join(" and ", _admission.Missing.Select(Cluster.Members.NameOf));
        return $"waiting for first contact with {missing} (a new data folder takes part when "
            + $"{_admission.Needed} of the other {_admission.Others} know it)";
    }

    // What finds no room is tried again: until then no peer is answered, and this node takes no part.
    private bool IsForLater(Exception? failure, string what)
    {
        if (failure is null)
            return false;
        if (failure is not DiskShortageException)
            throw new NodeFaultException($"it could not be written down {what}: {failure.Message}", failure);
        _writeAgainMs = _host.NowMs + Limits.DiskFullRetryMs;
        return true;
    }
}
