using Kvorum.Node.Placement;
using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// Which members there are, and the name and the addresses of each. The metadata group says who they are;
/// those that this node's folder began with are members until the metadata group knows them. What a node says
/// itself is newer than what the metadata group remembers, and that is newer than what an operator said at
/// the start. Read on any thread; what is in it is replaced as a whole.
/// </summary>
internal sealed class MemberDirectory
{
    private readonly Lock _gate = new();
    private readonly PeerHello _self;
    private readonly MemberRecord _own;
    private volatile SortedDictionary<NodeId, MemberSeed> _seeds;
    private volatile SortedDictionary<NodeId, PeerHello> _heard = [];
    private volatile SortedDictionary<NodeId, (string Zone, int Weight)> _introduced = [];
    private volatile SortedDictionary<NodeId, MemberRecord> _agreed = [];
    private volatile NodeId[] _ids;

    // What the folder remembers or another member has said, while it is newer than what the metadata group's
    // replica here knows.
    private volatile SortedDictionary<NodeId, MemberSeed> _told = [];
    private ulong _toldVersion;

    /// <param name="self">What this node says of itself.</param>
    /// <param name="members">The members that the folder began with.</param>
    /// <param name="zone">What fails together with it.</param>
    /// <param name="weight">What it carries in proportion to others.</param>
    public MemberDirectory(
        PeerHello self, IEnumerable<MemberSeed> members, string zone = "", int weight = RingMember.Ordinary)
    {
        _self = self;
        _own = new(self.Name, self.PeerAddress, self.ClientAddress, self.HttpAddress)
        {
            Zone = zone,
            Weight = weight,
        };
        _seeds = new(members.ToDictionary(static member => member.Id));
        _ids = [.. _seeds.Keys];
    }

    /// <summary>All members that are heard, in the order of their ids: the order of the map.</summary>
    public IReadOnlyList<NodeId> Ids => _ids;

    /// <summary>The others, and where to dial them.</summary>
    public IReadOnlyList<MemberSeed> Peers =>
    [
        .. _ids.Where(id => id != _self.Id).Select(id => _told.GetValueOrDefault(id)
            ?? (_agreed.TryGetValue(id, out var known)
                ? new MemberSeed(id, known.Name, known.PeerAddress) : _seeds[id])),
    ];

    /// <summary>All that are heard, as the metadata group has told, in the order of their ids.</summary>
    public IEnumerable<MemberSeed> AgreedSeeds => _agreed.Where(static one => one.Value.IsHeard)
        .Select(static one => new MemberSeed(one.Key, one.Value.Name, one.Value.PeerAddress));

    /// <summary>What the metadata group knows of a member, whatever became of it; null if nothing.</summary>
    public MemberRecord? Agreed(NodeId node) => _agreed.GetValueOrDefault(node);

    /// <summary>True if the member is lost or removed: nothing there answers any more.</summary>
    public bool IsGone(NodeId node) => Agreed(node) is { Status: MemberStatus.Lost or MemberStatus.Removed };

    /// <summary>What a member said of itself when it connected.</summary>
    public void Heard(PeerHello hello)
    {
        lock (_gate)
            _heard = new(_heard) { [hello.Id] = hello };
    }

    /// <summary>
    /// The format versions that a member speaks, as it said when it connected last; null if it has not.
    /// </summary>
    public FormatRange? FormatsOf(NodeId node) => node == _self.Id
        ? _self.Formats : _heard.GetValueOrDefault(node)?.Formats;

    /// <summary>What a member said of itself when it introduced itself.</summary>
    public void Introduced(NodeId node, string zone, int weight)
    {
        lock (_gate)
            _introduced = new(_introduced) { [node] = (zone, weight) };
    }

    /// <summary>This node has joined a cluster, which has these members. Loop 0.</summary>
    public void Joined(IEnumerable<MemberSeed> members)
    {
        lock (_gate)
        {
            _seeds = new(members.ToDictionary(static member => member.Id));
            _ids = Gather();
        }
    }

    /// <summary>
    /// What the folder remembers of the members, or another member says: it counts until the metadata group
    /// has told as much. True if there are other members now, or others are where they were not. Before any
    /// loop runs, or on loop 0.
    /// </summary>
    public bool Learn(ToldMembers members)
    {
        lock (_gate)
        {
            if (members.Version <= _toldVersion)
                return false;
            var before = Peers;
            _toldVersion = members.Version;
            _told = new(members.Nodes.ToDictionary(static one => one.Seed.Id, static one => one.Seed));
            _ids = [.. _told.Keys];
            return !before.SequenceEqual(Peers);
        }
    }

    /// <summary>
    /// What the metadata group knows now, in that version. True if there are other members, or others are
    /// where they were not. Loop of group 0.
    /// </summary>
    public bool Agreed(
        IReadOnlyDictionary<NodeId, MemberRecord> members, ulong version = ulong.MaxValue)
    {
        lock (_gate)
        {
            var before = Peers;
            _agreed = new(members.ToDictionary());
            if (version < _toldVersion)
                return !before.SequenceEqual(Peers);
            // First: whoever reads an id finds where it is.
            _ids = Gather();
            (_told, _toldVersion) = ([], version);
            return !before.SequenceEqual(Peers);
        }
    }

    /// <summary>
    /// What the metadata group should say of a member; null while this node knows less than it may.
    /// </summary>
    public MemberRecord? Announcement(NodeId node)
    {
        if (node == _self.Id)
            return _own;
        var agreed = _agreed.GetValueOrDefault(node);
        if (_heard.GetValueOrDefault(node) is { } hello)
        {
            var (zone, weight) = _introduced.TryGetValue(node, out var said)
                ? said : (agreed?.Zone ?? "", agreed?.Weight ?? RingMember.Ordinary);
            return new(hello.Name, hello.PeerAddress, hello.ClientAddress, hello.HttpAddress)
            {
                Zone = zone,
                Weight = weight,
            };
        }

        // A founder that was not met yet is a member all the same.
        return agreed is null && _seeds.TryGetValue(node, out var seed)
            ? new(seed.Name, seed.PeerAddress, "", "") : null;
    }

    /// <summary>What an operator calls it: its name, else its address, else its id.</summary>
    public string NameOf(NodeId node)
    {
        if (Known(node) is { Name.Length: > 0 } known)
            return known.Name;
        var seed = SeedOf(node);
        return seed is { Name.Length: > 0 } ? seed.Name : seed?.PeerAddress ?? node.ToString();
    }

    /// <summary>Where clients reach it; empty if that is not known.</summary>
    public string ClientAddressOf(NodeId node) => Known(node)?.ClientAddress ?? "";

    /// <summary>Where HTTP clients reach it; empty if that is not known.</summary>
    public string HttpAddressOf(NodeId node) => Known(node)?.HttpAddress ?? "";

    /// <summary>Where other nodes reach it, as far as is known.</summary>
    public string PeerAddressOf(NodeId node) =>
        Known(node)?.PeerAddress ?? SeedOf(node)?.PeerAddress ?? "";

    /// <summary>The member that clients reach at this address; null if none is known.</summary>
    public NodeId? At(string clientAddress)
    {
        foreach (var id in _ids)
        {
            if (clientAddress.Length > 0 && ClientAddressOf(id) == clientAddress)
                return id;
        }

        return null;
    }

    private MemberRecord? Known(NodeId node) =>
        Announcement(node) ?? _agreed.GetValueOrDefault(node);

    private MemberSeed? SeedOf(NodeId node) =>
        _told.GetValueOrDefault(node) ?? _seeds.GetValueOrDefault(node);

    private NodeId[] Gather() =>
    [
        .. _seeds.Keys.Concat(_agreed.Keys).Distinct()
            .Where(id => !_agreed.TryGetValue(id, out var known) || known.IsHeard).Order(),
    ];
}
