using Kvorum.Node.Access;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Survival;

/// <summary>What a stopped node's folder knows of users and rights.</summary>
/// <param name="NodeName">Whose folder it is.</param>
/// <param name="ClusterId">The cluster.</param>
/// <param name="Voters">Names of the nodes that vote in the metadata group.</param>
/// <param name="Votes">True if this node does.</param>
/// <param name="Access">Users, roles and keys.</param>
public sealed record AccessDescription(
    string NodeName, Guid ClusterId, IReadOnlyList<string> Voters, bool Votes, AccessTable Access);

/// <summary>The folders' side of <c>kvorum user recover</c>.</summary>
public static class AccessRecovery
{
    /// <summary>
    /// What a folder knows; a <see cref="NodeStartException"/>, an <see cref="IOException"/> or a
    /// <see cref="FormatException"/> says why it tells nothing.
    /// </summary>
    public static AccessDescription Describe(IFileSystem files) =>
        SurvivorFolder.Read(files).DescribeAccess();

    /// <summary>
    /// Puts an order into a folder. False if it was there. A <see cref="RecoveryRefusedException"/> says why
    /// not, and nothing was changed.
    /// </summary>
    public static bool Apply(IFileSystem files, AccessOrder order)
    {
        var described = Describe(files);
        if (described.ClusterId != order.ClusterId)
        {
            throw new RecoveryRefusedException(
                $"the plan is for cluster {order.ClusterId}, and the folder of {described.NodeName} belongs "
                + $"to cluster {described.ClusterId}");
        }

        if (!described.Votes)
        {
            throw new RecoveryRefusedException(
                $"{described.NodeName} does not vote in the metadata group, so that its folder counts for "
                + $"nothing: apply the plan on {string.Join(", ", described.Voters)}");
        }

        if (AccessOrder.Find(files)?.Id == order.Id)
            return false;
        order.Write(files);
        return true;
    }
}
