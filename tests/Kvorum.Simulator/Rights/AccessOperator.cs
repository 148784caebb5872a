using System.Globalization;
using Kvorum.Node.Access;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Rights;

/// <summary>
/// Makes users, has rights enforced, and then changes the rights of one user after the other: other grants of
/// the user's role, or none at all for a time. One change at a time, asked of any node, again until it is
/// acknowledged. Every change says what shall be, so that asking twice changes nothing more.
/// </summary>
internal sealed class AccessOperator(Cluster cluster, AccessHistory history, int users)
{
    private const long PauseUs = 1_500_000;
    private const long PatienceUs = 4_000_000;
    private const long AgainUs = 200_000;

    private readonly RandomStream _random = cluster.World.Random("operator of rights");
    private readonly Queue<Step> _steps = [];
    private readonly SortedDictionary<string, (IReadOnlyList<GrantSpec> Grants, bool IsDisabled)> _now =
        new(StringComparer.Ordinal);

    private Step? _current;
    private bool _isResting;
    private int _tries;

    private sealed record Step(AccessChange Request, Action Begun, Action<bool> Ended)
    {
        public bool IsUnclear { get; set; }
    }

    /// <summary>True once users are there and rights are enforced.</summary>
    public bool IsOn { get; private set; }

    /// <summary>True while nothing is left to be done.</summary>
    public bool IsIdle => _current is null && _steps.Count == 0;

    private SimulatedWorld World => cluster.World;

    /// <summary>Begins: once, at the start of a run.</summary>
    public void Begin()
    {
        Add(new CreateUser(RightsOptions.Operator, [AccessTable.AdminRole]));
        Add(new CreateUser(RightsOptions.Worker, ["writer"]));
        foreach (var user in Enumerable.Range(1, users).Select(UserOf))
        {
            history.Add(user);
            _now[user] = (DrawGrants(user), false);
            Add(new SetRole(RoleOf(user), _now[user].Grants));
            Add(new CreateUser(user, [RoleOf(user)]));
        }

        List<AccessHistory.State> states = [];
        Add(
            new EnforceRights(On: true),
            () => states.AddRange(_now.Keys.Select(BeginState)),
            isUnclear =>
            {
                foreach (var state in states)
                    EndState(state, isUnclear);
                IsOn = true;
            });
        World.Scheduler.After(_random.Exponential(PauseUs), Next);
    }

    /// <summary>Changes go on, or end with what is under way.</summary>
    public void Rest(bool isResting) => _isResting = isResting;

    /// <summary>
    /// Asks once more for what is, where a former attempt may come to pass yet: after it nothing is open.
    /// </summary>
    public void AskAnew()
    {
        if (!history.HasOpen)
            return;
        foreach (var (user, (grants, isDisabled)) in _now)
        {
            Add(new SetRole(RoleOf(user), grants));
            Add(new AlterUser(user) { Disabled = isDisabled });
        }
    }

    /// <summary>What begins the keys of a user.</summary>
    public static string PrefixOf(string user) => $"rights-{user}-";

    private static string UserOf(int number) => string.Create(CultureInfo.InvariantCulture, $"user-{number}");

    private static string RoleOf(string user) => $"role-of-{user}";

    private void Add(AccessChange request) => Add(request, static () => { }, static _ => { });

    private void Add(AccessChange request, Action begun, Action<bool> ended) =>
        _steps.Enqueue(new(request, begun, ended));

    private void Next()
    {
        if (_current is not null)
            return;
        if (_steps.Count == 0 && IsOn && !_isResting)
            Draw();
        if (_steps.TryDequeue(out _current))
        {
            _current.Begun();
            _tries = 0;
            Say($"asks for {Describe(_current.Request)}");
            Attempt(_current);
        }
        else
        {
            World.Scheduler.After(_random.Exponential(PauseUs), Next);
        }
    }

    // Grants to nothing are one way of taking all away, a user that is disabled the other one.
    private void Draw()
    {
        var user = _random.Pick(_now.Keys.ToArray());
        var (grants, isDisabled) = _now[user];
        var isToggled = _random.Chance(0.4);
        _now[user] = isToggled ? (grants, !isDisabled) : (DrawGrants(user), isDisabled);
        AccessHistory.State? state = null;
        Add(
            isToggled ? new AlterUser(user) { Disabled = !isDisabled }
                : new SetRole(RoleOf(user), _now[user].Grants),
            () => state = BeginState(user),
            isUnclear => EndState(state!, isUnclear));
    }

    private void EndState(AccessHistory.State state, bool isUnclear) =>
        (state.SureUs, state.IsOpen) = (World.NowUs, isUnclear);

    private AccessHistory.State BeginState(string user)
    {
        var (grants, isDisabled) = _now[user];
        return history.Begin(
            user,
            new(grants.Select(static one => new Grant(
                one.Keyspace, one.Prefix, AccessActionNames.ParseOrNull(one.Actions)!.Value))),
            isDisabled,
            Describe(grants));
    }

    // Keys that are the user's, some of them, or somebody else's.
    private IReadOnlyList<GrantSpec> DrawGrants(string user) =>
    [
        .. Enumerable.Range(0, (int)_random.Between(1, 3)).Select(_ => new GrantSpec(
            _random.Chance(0.7) ? KeyspaceName.Default : AccessNeed.AllKeyspaces,
            DrawActions(),
            Bytes(_random.Pick([PrefixOf(user), PrefixOf(user) + "1", "rights-all-"])))),
    ];

    private string[] DrawActions()
    {
        var actions = AccessActionNames.Names.Take(4).Where(_ => _random.Chance(0.5)).ToArray();
        return actions.Length > 0 ? actions : ["read"];
    }

    private void Attempt(Step step)
    {
        var attempt = ++_tries;
        World.Scheduler.After(PatienceUs, () =>
        {
            // The answer was lost, and what was asked may come to pass later.
            if (step == _current && attempt == _tries)
            {
                step.IsUnclear = true;
                Attempt(step);
            }
        });
        var running = cluster.Running.Where(static process => !process.Machine.IsForeign).ToArray();
        if (running.Length == 0)
        {
            Answered(step, attempt, ReplyStatus.Unavailable, "no node runs");
            return;
        }

        var process = _random.Pick(running);
        process.After(_random.Between(100, 2000), () =>
        {
            if (process.WhyRefused(RightsOptions.Operator, step.Request.Need) is { } refused)
                Answered(step, attempt, refused.Status, refused.Message);
            else
                process.Node.Administer(step.Request, TimeSpan.FromSeconds(2), reply => Answered(
                    step, attempt, reply.Status, reply.Message));
        });
    }

    private void Answered(Step step, int attempt, ReplyStatus status, string message) =>
        World.Scheduler.After(1000, () => Hear(step, attempt, status, message));

    private void Hear(Step step, int attempt, ReplyStatus status, string message)
    {
        if (step != _current)
            return;
        var isRefused = status == ReplyStatus.ConditionFailed;
        var isThere = isRefused && step.Request is CreateUser
            && message.Contains("already", StringComparison.Ordinal);
        if (status == ReplyStatus.Ok || isThere)
        {
            Say($"has {Describe(step.Request)}");
            _current = null;
            step.Ended(step.IsUnclear);
            World.Scheduler.After(_random.Exponential(PauseUs), Next);
            return;
        }

        step.IsUnclear |= status is ReplyStatus.OutcomeUnknown or ReplyStatus.DeadlineExceeded
            or ReplyStatus.Cancelled;
        World.Require(
            status is ReplyStatus.OutcomeUnknown or ReplyStatus.DeadlineExceeded or ReplyStatus.Cancelled
                or ReplyStatus.NotLeader or ReplyStatus.Unavailable or ReplyStatus.Overloaded
                or ReplyStatus.ShuttingDown or ReplyStatus.OutOfSpace
                // The format version in which there are users is not in force yet.
                || (isRefused && !IsOn),
            $"rights: the operator asks for {Describe(step.Request)}, and is answered {status}: {message}");
        if (attempt == _tries)
        {
            World.Scheduler.After(AgainUs, () =>
            {
                if (step == _current && attempt == _tries)
                    Attempt(step);
            });
        }
    }

    private static string Describe(AccessChange change) => change switch
    {
        SetRole one => $"{one.Role}: {Describe(one.Grants)}",
        CreateUser one => $"user {one.User}",
        AlterUser one => $"user {one.User}, disabled: {one.Disabled}",
        _ => "enforced rights",
    };

    private static string Describe(IEnumerable<GrantSpec> grants) => string.Join("; ", grants.Select(
        static one => $"{string.Join(' ', one.Actions)} {Text(one.Prefix)} in {one.Keyspace}"));

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static string Text(byte[]? bytes) => System.Text.Encoding.UTF8.GetString(bytes ?? []);

    private void Say(string what) => World.Trace.Event(
        Verbosity.Faults, TraceKind.Note, -1, (ulong)what.Length, $"the operator {what}");
}
