using System.Security.Cryptography;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Server.Hosting;

/// <summary>
/// This node's identity, and the members that --peers names. Two spellings, never mixed: <c>id@host:port</c>,
/// where the id is a name or a UUID, or bare <c>host:port</c>, where the id is made of the address, this
/// node's own included. The own entry may be there or not. At the first start every node of a cluster must
/// come to the same members, or the nodes refuse each other; later the data folder knows id, name and
/// members, and the list only says where they are.
/// </summary>
internal sealed record MemberList
{
    /// <summary>This node's id.</summary>
    public required NodeId Self { get; init; }

    /// <summary>What this node is called.</summary>
    public required string Name { get; init; }

    /// <summary>Where other nodes find this one.</summary>
    public required string PeerAddress { get; init; }

    /// <summary>All members, this node included.</summary>
    public required IReadOnlyList<MemberSeed> Members { get; init; }

    /// <summary>What is wrong with the list; then nothing else counts.</summary>
    public required IReadOnlyList<string> Errors { get; init; }

    /// <param name="options">--id, --peers, --peer-addr and --advertise-peer-addr.</param>
    /// <param name="folder">What the data folder says; null if it is new.</param>
    public static MemberList Parse(ServerOptions options, FolderIdentity? folder = null)
    {
        var entries =
            options.Peers.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        string[] bare = [.. entries.Where(static entry => !HasId(entry))];
        List<string> errors = [];
        if (bare.Length > 0 && bare.Length < entries.Length)
        {
            errors.Add(
                $"--peers mixes entries with and without an id ('{bare[0]}' has none): ids come from "
                + "the list or from the addresses, so write all entries as id@host:port or none");
        }

        var areBare = bare.Length > 0;
        if (areBare && Guid.TryParse(options.Id, out _))
            errors.Add(
                $"--id {options.Id} is a UUID, but --peers has no ids: write its entries as id@host:port");
        var listed = entries.Select(entry => Entry(entry, errors)).OfType<MemberSeed>().ToArray();
        var known = folder is not null && Is(options.Id, folder) ? folder : null;
        return Gather(options, known, areBare, listed, errors);
    }

    /// <summary>True if the address is one that others can dial: a host, and a port that is not 0.</summary>
    public static bool IsDialable(string address) =>
        HostPort.TryParse(address) is ({ Length: > 0 } host, > 0) && host is not ("0.0.0.0" or "::" or "*");

    // Without --id a node is the one of its folder.
    private static bool Is(string id, FolderIdentity folder) =>
        id.Length == 0 || id == folder.Name || ClusterIdentity.NodeFromName(id) == folder.Id;

    // The folder is null where it is new, or another node's.
    private static MemberList Gather(
        ServerOptions options, FolderIdentity? folder, bool areBare, MemberSeed[] listed, List<string> errors)
    {
        var name = folder?.Name ?? (options.Id.Length > 0 ? options.Id : NewName());
        var named = folder?.Id ?? ClusterIdentity.NodeFromName(name);
        var ownEntry = areBare
            ? null : listed.FirstOrDefault(member => member.Id == named || member.Name == name);
        var address = OwnAddress(options, ownEntry, folder);
        var meetsOthers = listed.Length > 0 || (folder is null && options.JoinList().Length > 0);
        if (meetsOthers && !IsDialable(address) && HostPort.TryParse(address)?.Port != 0)
        {
            errors.Add(
                $"--peer-addr {options.PeerAddress} is no address that other nodes can dial: name one with "
                + "--advertise-peer-addr");
        }

        var self = areBare && folder is null ? ClusterIdentity.NodeFromAddress(address) : named;
        CheckTwins(listed, errors);
        var members = listed.Where(member => member.Id != self && member != ownEntry
                && (member.Name.Length > 0 || member.PeerAddress != address))
            .Append(new(self, name, address)).OrderBy(member => member.Id);
        return new()
        {
            Self = self,
            Name = name,
            PeerAddress = address,
            Members = [.. members],
            Errors = errors,
        };
    }

    private static string OwnAddress(ServerOptions options, MemberSeed? ownEntry, FolderIdentity? folder)
    {
        if (options.AdvertisePeerAddress.Length > 0)
            return options.AdvertisePeerAddress;
        var listening = Endpoints.Spelled(options.PeerAddress);
        if (ownEntry is not null)
            return ownEntry.PeerAddress;
        return folder is null || IsDialable(listening) ? listening : folder.PeerAddress;
    }

    private static string NewName() => $"node-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";

    // Whether in the right form or not.
    private static bool HasId(string entry) => entry.AsSpan().ContainsAny('@', '=');

    private static MemberSeed? Entry(string entry, List<string> errors)
    {
        var at = entry.IndexOf('@', StringComparison.Ordinal);
        if (at < 0 && entry.Split('=', 2) is [var before, var behind])
        {
            errors.Add(
                $"--peers entry '{entry}': between id and address goes an '@': write "
                + $"{(before.Length > 0 ? before : "node-2")}@{(IsDialable(behind) ? behind : "host:port")}");
            return null;
        }

        (var id, var address) = at < 0 ? ("", entry) : (entry[..at], entry[(at + 1)..]);
        if (address.StartsWith(':'))
            address = Endpoints.Spelled(address);
        if (!IsDialable(address))
        {
            errors.Add(
                $"--peers entry '{entry}': '{address}' is no host:port; write node-2@127.0.0.1:60052 or "
                + $"127.0.0.1:60052{HostPort.Hint(address)}");
            return null;
        }

        if (at == 0)
        {
            errors.Add(
                $"--peers entry '{entry}' has an empty id: write a name or a UUID before the '@', or leave "
                + "the '@' out");
            return null;
        }

        return at < 0
            ? new(ClusterIdentity.NodeFromAddress(address), "", address)
            : new(ClusterIdentity.NodeFromName(id), id, address);
    }

    private static void CheckTwins(MemberSeed[] listed, List<string> errors)
    {
        foreach (var twins in listed.GroupBy(member => member.PeerAddress).Where(group => group.Count() > 1))
            errors.Add($"--peers names the address {twins.Key} {twins.Count()} times: each node has its own");
        foreach (var twins in listed.GroupBy(member => member.Id)
            .Where(group => group.Select(m => m.PeerAddress).Distinct().Count() > 1))
        {
            var addresses = string.Join(" and ", twins.Select(member => member.PeerAddress));
            errors.Add($"--peers gives the id {twins.First().Name} to {addresses}: each node has its own");
        }
    }
}
