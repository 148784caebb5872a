using Kvorum.Node.Membership;
using Kvorum.Raft;
using Kvorum.Storage.Files;

namespace Kvorum.Node;

/// <summary>Whose data folder it is, for a host that decides what to call its node.</summary>
/// <param name="Id">The id of the node.</param>
/// <param name="Name">The name of the node.</param>
/// <param name="PeerAddress">Where other nodes reached it at the founding of its cluster.</param>
public sealed record FolderIdentity(NodeId Id, string Name, string PeerAddress)
{
    /// <summary>
    /// What the folder says; null if it is new, or cannot be read: the node itself says what is wrong with
    /// it.
    /// </summary>
    public static FolderIdentity? Find(IFileSystem files)
    {
        try
        {
            if (!files.Exists(IdentityFile.Name))
                return null;
            var found = IdentityFile.Read(files);
            var own = found.Founders.First(founder => founder.NodeId == found.NodeId);
            return new(found.Node, found.NodeName, own.PeerAddress);
        }
        catch (Exception e) when (e is NodeStartException or IOException)
        {
            return null;
        }
    }
}
