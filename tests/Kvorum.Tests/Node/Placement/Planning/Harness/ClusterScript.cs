using System.Globalization;
using System.Text;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Placement.Planning.Harness;

/// <summary>The commands of the planner's scripts; see testdata/README.txt.</summary>
internal sealed class ClusterScript
{
    private readonly ClusterModel _model = new();

    /// <summary>Runs one command and gives what it prints.</summary>
    public string Run(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var names = words[1..].Where(word => !word.Contains('=', StringComparison.Ordinal)).ToArray();
        switch (words[0])
        {
            case "node":
                foreach (var name in names)
                    Node(_model.Add(new ModelNode(Id(name))), words);
                return "";
            case "set":
                foreach (var name in names)
                    Node(_model.Nodes[Id(name)], words);
                return "";
            case "drain":
                _model.Nodes[Id(names[0])].IsDraining = true;
                return "";
            case "remove":
                return _model.Nodes.Remove(Id(names[0])) ? "" : "no such node\n";
            case "down":
                _model.Nodes[Id(names[0])].SilentSinceMs = _model.NowMs;
                return "";
            case "lose":
                _model.Nodes[Id(names[0])].IsLost = true;
                return "";
            case "up":
                _model.Nodes[Id(names[0])].SilentSinceMs = null;
                return "";
            case "meta":
                var system = new PlannedKeyspace(KeyspaceId.System, 5, IsFollowedByAll: true);
                _model.Add(system, [Target(names[0])]);
                return "";
            case "groups":
                var id = new KeyspaceId((uint)_model.Keyspaces.Count(each => !each.IsFollowedByAll) + 1);
                var keyspace = new PlannedKeyspace(id, Number(words, "rf", 3)) { Quorum = Quorum(words) };
                _model.Add(keyspace, names.Select(Target), (long)Number(words, "mib", 1) << 20);
                return "";
            case "factor":
                return Factor(names[0], int.Parse(names[1], CultureInfo.InvariantCulture));
            case "settings":
                Settings(words);
                return "";
            case "tick":
                return Tick(names.Length > 0 ? int.Parse(names[0], CultureInfo.InvariantCulture) : 1);
            case "settle":
                return Settle();
            case "state":
                return State();
            case "may":
                return May(names);
            default:
                throw new ArgumentException($"no command '{words[0]}'");
        }
    }

    private static NodeId Id(string name) => new(UInt128.Parse(name, CultureInfo.InvariantCulture));

    // 1,2,3 or 1+2: learners stand behind the plus.
    private static ReplicaTarget Target(string text)
    {
        var parts = text.Split('+');
        return new ReplicaTarget(
            [.. parts[0].Split(',').Select(Id)], parts.Length > 1 ? [.. parts[1].Split(',').Select(Id)] : []);
    }

    private static string? Text(string[] words, string name) =>
        words.FirstOrDefault(word => word.StartsWith($"{name}=", StringComparison.Ordinal))?.Split('=')[1];

    private static int Number(string[] words, string name, int otherwise) =>
        Text(words, name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    private static QuorumNumbers? Quorum(string[] words) => Text(words, "w") is null ? null
        : new(Number(words, "w", 0), Number(words, "r", 0), IsSloppy: false);

    private static void Node(ModelNode node, string[] words)
    {
        node.Zone = Text(words, "zone") ?? node.Zone;
        node.Weight = Number(words, "weight", node.Weight);
        node.IsStuck = Number(words, "stuck", node.IsStuck ? 1 : 0) == 1;
        node.IsFailing = Number(words, "failing", node.IsFailing ? 1 : 0) == 1;
        if (Text(words, "mib") is not null)
            node.CapacityBytes = (long)Number(words, "mib", 0) << 20;
    }

    private void Settings(string[] words)
    {
        var settings = _model.Settings;
        _model.Settings = settings with
        {
            MovesMax = Number(words, "moves", settings.MovesMax),
            BatchSize = Number(words, "batch", settings.BatchSize),
            IsPaused = Number(words, "paused", settings.IsPaused ? 1 : 0) == 1,
        };
    }

    private string Factor(string keyspace, int factor)
    {
        var at = _model.Keyspaces.FindIndex(each => each.Id == Keyspace(keyspace));
        _model.Keyspaces[at] = _model.Keyspaces[at] with { ReplicationFactor = factor };
        return "";
    }

    private static KeyspaceId Keyspace(string text) => new(uint.Parse(text, CultureInfo.InvariantCulture));

    private string Tick(int count)
    {
        var printed = new StringBuilder();
        for (var i = 0; i < count; i++)
            printed.Append(Changes(_model.Tick()));
        return printed.ToString();
    }

    // Until nothing happens any more; prints what was planned and what is in the way at the end.
    private string Settle()
    {
        var printed = new StringBuilder();
        for (var quiet = 0; quiet < 200;)
        {
            var before = string.Join(';', _model.Groups);
            var plan = _model.Tick();
            printed.Append(Changes(plan));
            quiet = plan.Changes.Count == 0 && before == string.Join(';', _model.Groups) ? quiet + 1 : 0;
            if (quiet != 200)
                continue;
            foreach (var obstacle in plan.Obstacles)
                printed.Append(CultureInfo.InvariantCulture, $"{obstacle.Kind}: {obstacle.Text}\n");
            if (plan.WaitingCount > 0)
                printed.Append(CultureInfo.InvariantCulture, $"{plan.WaitingCount} wait\n");
            if (plan.Drained.Count > 0)
                printed.Append(CultureInfo.InvariantCulture, $"empty: {string.Join(',', plan.Drained)}\n");
        }

        return printed.ToString();
    }

    private string Changes(Plan plan) => string.Concat(plan.Changes.Select(change =>
        $"{(_model.NowMs - 1_000_000) / 1000} s group {change.Group} {change.Reason}: {Text(change.Target)}"
        + (change.GivesUp is { } lost ? $", gives up {lost}" : "") + "\n"));

    private static string Text(ReplicaTarget target) => string.Join(',', target.Voters)
        + (target.Learners.Count > 0 ? $"+{string.Join(',', target.Learners)}" : "");

    private string State() => string.Concat(_model.Groups.Select(group => $"group {group.Id}: {group}\n"))
        + string.Concat(_model.Nodes.Keys.Select(node =>
            $"node {node}: {_model.UsedBy(node) >> 20} MiB, leads "
            + $"{_model.Groups.Count(group => group.Target.Voters[0] == node)}\n"));

    private string May(string[] names)
    {
        var planned = _model.Planned;
        var answer = names[0] switch
        {
            "remove" => MemberForecast.Of(planned, Id(names[1]), MemberStatus.Leaving),
            "lose" => MemberForecast.Of(planned, Id(names[1]), MemberStatus.Lost),
            _ => Forecast.Factor(
                planned, Keyspace(names[1]), int.Parse(names[2], CultureInfo.InvariantCulture)),
        };
        return $"{(answer.IsPossible ? "yes" : "no")}, {answer.MovedBytes >> 20} MiB to move\n"
            + string.Concat(answer.Reasons.Select(reason => $"  {reason}\n"));
    }
}
