using Kvorum.Node.Access;
using Kvorum.Protocol;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Rights;

// Theorem. Let the states of a user be the rights that the user had, one after the other. What a node decides
// on a request is right by one of them that was asked for by then, and that no later one has replaced for
// longer than the bound: so
//   1. what no such state allows is not served: a revoked right ends on every node, within the bound;
//   2. what all such states allow is not refused.
// What a user may do is made of two things, what the role grants and whether the user is disabled. While an
// attempt to change one of them may still come to pass, it may do so beside any known state of the other.
// A node may say that it does not know. The bound is the time for which a node that is cut off believes what
// it knows.

/// <summary>
/// Which rights users had in a run, and whether nodes follow them. The theorem is at the top of its file.
/// </summary>
internal sealed class AccessHistory(SimulatedWorld world, long boundUs)
{
    private readonly SortedDictionary<string, List<State>> _users = new(StringComparer.Ordinal);

    /// <summary>The rights of a user from some moment on.</summary>
    /// <param name="Granted">What the user's role grants.</param>
    /// <param name="IsDisabled">True if the user may do nothing, whatever the role grants.</param>
    /// <param name="What">What is granted, for people.</param>
    /// <param name="AskedUs">When the change was asked for.</param>
    public sealed record State(Kvorum.Node.Access.Rights Granted, bool IsDisabled, string What, long AskedUs)
    {
        /// <summary>What may be done.</summary>
        public Kvorum.Node.Access.Rights Rights => IsDisabled ? Kvorum.Node.Access.Rights.None : Granted;

        /// <summary>When it was acknowledged; null: not yet.</summary>
        public long? SureUs { get; set; }

        /// <summary>
        /// True if an attempt of the change was not answered: it may come to pass again, after a later one.
        /// </summary>
        public bool IsOpen { get; set; }

        /// <summary>When the last attempt was surely over.</summary>
        public long ClosedUs { get; set; }
    }

    /// <summary>A user may do everything, until rights are enforced.</summary>
    public void Add(string user) => _users.Add(
        user, [new(Kvorum.Node.Access.Rights.All, IsDisabled: false, "everything", 0) { SureUs = 0 }]);

    /// <summary>The users.</summary>
    public IEnumerable<string> Users => _users.Keys;

    /// <summary>A change is asked for.</summary>
    public State Begin(string user, Kvorum.Node.Access.Rights granted, bool isDisabled, string what)
    {
        var state = new State(granted, isDisabled, what, world.NowUs);
        _users[user].Add(state);
        return state;
    }

    /// <summary>The newest state of a user.</summary>
    public State Newest(string user) => _users[user][^1];

    /// <summary>True if a former attempt may still change anything.</summary>
    public bool HasOpen => _users.Values.Any(static states => states.Any(static state => state.IsOpen));

    /// <summary>No former attempt changes anything any more.</summary>
    public void CloseAll()
    {
        foreach (var state in _users.Values.SelectMany(static states => states).Where(one => one.IsOpen))
            (state.IsOpen, state.ClosedUs) = (false, world.NowUs);
    }

    /// <summary>A node has decided on a request of a user, now.</summary>
    /// <param name="user">The user.</param>
    /// <param name="need">What the request needs.</param>
    /// <param name="refused">Null if it is served.</param>
    /// <param name="node">The node, for people.</param>
    public void Decided(string user, AccessNeed need, Reply? refused, string node)
    {
        if (refused?.Status == ReplyStatus.Unavailable)
            return;
        var states = _users[user];
        var known = Enumerable.Range(0, states.Count).Where(at => IsStillKnown(states, at))
            .Select(at => states[at]).ToArray();
        world.Require(
            Possible(known).Any(rights => rights.Allow(need) == refused is null),
            $"rights: {node} {(refused is null ? "serves" : $"refuses ({refused.Status})")} {user} "
                + $"{need.Actions} in {need.Keyspace}, and the user may do {Text(known)}, nothing else for "
                + $"{boundUs / 1000} ms and more");
    }

    private bool IsStillKnown(List<State> states, int at) =>
        states.Skip(at + 1).All(later => states[at].IsOpen || later.SureUs is not { } sureUs
            || Math.Max(sureUs, states[at].ClosedUs) > world.NowUs - boundUs);

    private static IEnumerable<Kvorum.Node.Access.Rights> Possible(State[] known)
    {
        var rights = known.Select(static state => state.Rights);
        var isMixed = known.Any(static state => state.IsOpen) && known.Any(static state => !state.IsDisabled);
        return isMixed ? rights.Concat(known.Select(static state => state.Granted)) : rights;
    }

    private static string Text(State[] known) => string.Join(
        " or ", known.Select(static one => (one.IsDisabled ? "nothing, disabled from " : "") + one.What));
}
