using Kvorum.Node.Administration;

namespace Kvorum.Node.Loops;

/// <summary>
/// Which nodes have said that they have an order of <c>kvorum user recover</c> in their data folder. Not
/// stored: nodes say it again and again, so that a new leader hears of it. Owned by the loop of the metadata
/// group.
/// </summary>
internal sealed class AccessConfirmations
{
    // More than one at a time is a mistake of an operator.
    private const int OrdersMax = 16;

    private readonly Dictionary<Guid, SortedSet<string>> _orders = [];

    /// <summary>Notes that a node has it; why it is not done yet, and null once enough nodes have it.
    /// </summary>
    /// <param name="change">The order.</param>
    /// <param name="node">The name of the node that has it.</param>
    /// <param name="voters">The names of those that vote in the metadata group.</param>
    public string? WhyNotYet(ConfirmAccess change, string node, IReadOnlyList<string> voters)
    {
        if (!_orders.TryGetValue(change.Order, out var nodes))
        {
            if (_orders.Count >= OrdersMax)
                _orders.Clear();
            _orders[change.Order] = nodes = new(StringComparer.Ordinal);
        }

        nodes.Add(node);
        var have = voters.Where(nodes.Contains).ToArray();
        var due = (voters.Count / 2) + 1;
        return have.Length >= due ? null
            : $"{have.Length} of the {voters.Count} nodes that vote in the metadata group "
                + $"({string.Join(", ", voters)}) have order {change.Order} of kvorum user recover in their "
                + $"folders, and {due} must: apply the plan to further ones, while they are stopped";
    }
}
