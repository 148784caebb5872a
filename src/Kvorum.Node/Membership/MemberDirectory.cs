using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>
/// Which members there are, and the name and the addresses of each. What a node says itself is newer than
/// what the metadata group remembers, and that is newer than what an operator said at the start. Read on any
/// thread; what is in it is replaced as a whole.
/// </summary>
internal sealed class MemberDirectory
{
    private readonly Lock _gate = new();
    private readonly PeerHello _self;
    private readonly NodeId[] _ids;
    private readonly SortedDictionary<NodeId, MemberSeed> _seeds;
    private volatile SortedDictionary<NodeId, PeerHello> _heard = [];
    private volatile SortedDictionary<NodeId, MemberRecord> _agreed = [];

    public MemberDirectory(PeerHello self, IReadOnlyList<MemberSeed> members)
    {
        _self = self;
        _seeds = new(members.ToDictionary(static member => member.Id));
        _ids = [.. _seeds.Keys];
    }

    /// <summary>All members, in the order of their ids: the order of the map.</summary>
    public IReadOnlyList<NodeId> Ids => _ids;

    /// <summary>What a member said of itself when it connected.</summary>
    public void Heard(PeerHello hello)
    {
        lock (_gate)
            _heard = new(_heard) { [hello.Id] = hello };
    }

    /// <summary>
    /// What the metadata group knows now; returns the members whose address it has changed. Loop of group 0.
    /// </summary>
    public IReadOnlyList<(NodeId Member, string PeerAddress)> Agreed(
        IReadOnlyDictionary<NodeId, MemberRecord> members)
    {
        var before = _agreed;
        _agreed = new(members.ToDictionary());
        return
        [
            .. _agreed.Where(one => one.Value.PeerAddress != before.GetValueOrDefault(one.Key)?.PeerAddress)
                .Select(static one => (one.Key, one.Value.PeerAddress)),
        ];
    }

    /// <summary>
    /// What the metadata group should say of a member; null while its addresses are not known.
    /// </summary>
    public MemberRecord? Announcement(NodeId node)
    {
        var hello = node == _self.Id ? _self : _heard.GetValueOrDefault(node);
        return hello is null
            ? null : new(hello.Name, hello.PeerAddress, hello.ClientAddress, hello.HttpAddress);
    }

    /// <summary>What an operator calls it: its name, else its address, else its id.</summary>
    public string NameOf(NodeId node)
    {
        if (Known(node) is { Name.Length: > 0 } known)
            return known.Name;
        var seed = _seeds.GetValueOrDefault(node);
        return seed is { Name.Length: > 0 } ? seed.Name : seed?.PeerAddress ?? node.ToString();
    }

    /// <summary>Where clients reach it; empty if that is not known.</summary>
    public string ClientAddressOf(NodeId node) => Known(node)?.ClientAddress ?? "";

    /// <summary>Where HTTP clients reach it; empty if that is not known.</summary>
    public string HttpAddressOf(NodeId node) => Known(node)?.HttpAddress ?? "";

    /// <summary>Where other nodes reach it, as far as is known.</summary>
    public string PeerAddressOf(NodeId node) => Known(node)?.PeerAddress ?? _seeds[node].PeerAddress;

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
}
