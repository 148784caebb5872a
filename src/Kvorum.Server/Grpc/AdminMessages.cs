using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Server.Grpc;

/// <summary>
/// Between the messages of kvorum.v1.Admin and what operators ask and are answered. Fields have the names
/// that they have in JSON.
/// </summary>
internal static class AdminMessages
{
    public static ChangeMember From(V1.MemberRequest request, MemberWish wish) =>
        new(request.Member, wish) { DryRun = request.DryRun, Force = request.Force };

    public static CreateKeyspace From(V1.CreateKeyspaceRequest request) => new(request.Keyspace)
    {
        Partitions = Given(request.PartitionsGivenCase != default, request.Partitions),
        Replicas = Given(request.ReplicasGivenCase != default, request.Replicas),
        Mode = request.Mode.Length > 0 ? request.Mode : null,
        WriteQuorum = Given(request.WriteQuorumGivenCase != default, request.WriteQuorum),
        ReadQuorum = Given(request.ReadQuorumGivenCase != default, request.ReadQuorum),
        IsSloppy = request.Sloppy,
        ClientTimestamps = request.ClientTimestamps ? true : null,
        DryRun = request.DryRun,
    };

    public static AlterKeyspace From(V1.AlterKeyspaceRequest request) =>
        new(request.Keyspace, HasTimestamps(request) && request.Replicas == 0 ? null : Int(request.Replicas))
        {
            ClientTimestamps = HasTimestamps(request) ? request.ClientTimestamps : null,
            DryRun = request.DryRun,
            Force = request.Force,
        };

    public static DropKeyspace From(V1.DropKeyspaceRequest request) =>
        new(request.Keyspace) { DryRun = request.DryRun };

    public static TransferLeadership From(V1.TransferLeadershipRequest request) =>
        new(request.Keyspace, request.Partition, request.To) { DryRun = request.DryRun };

    public static ChangeLimits From(V1.ChangeLimitsRequest request) => new()
    {
        Paused = request.PausedGivenCase == default ? null : request.Paused,
        MovesMax = Given(request.MovesMaxGivenCase != default, request.MovesMax),
        BatchSize = Given(request.BatchSizeGivenCase != default, request.BatchSize),
        BatchTimeoutMs = request.BatchTimeoutMsGivenCase == default ? null : Long(request.BatchTimeoutMs),
        RetryAttempts = Given(request.RetryAttemptsGivenCase != default, request.RetryAttempts),
        GraceMs = request.GraceMsGivenCase == default ? null : Long(request.GraceMs),
        MarginPercent = Given(request.MarginPercentGivenCase != default, request.MarginPercent),
        DryRun = request.DryRun,
    };

    public static V1.ChangeResponse ChangeOf(AdminReply reply)
    {
        var response = new V1.ChangeResponse
        {
            Message = reply.Message,
            DryRun = reply.DryRun,
            Reasons = { reply.Reasons },
            Limits = reply.Limits is { } limits ? Of(limits) : null,
            ApiKey = reply.ApiKey ?? "",
        };
        if (reply.MovedBytes is { } bytes)
            response.MovedBytes = (ulong)bytes;
        return response;
    }

    public static V1.ClusterReport Of(ClusterReport report) => new()
    {
        ClusterId = report.ClusterId.ToString(),
        Leader = report.Leader,
        Reason = report.Reason,
        ToldBy = report.ToldBy,
        Epoch = report.Epoch,
        Version = report.Version,
        Members = { report.Members.Select(Of) },
        Keyspaces = { report.Keyspaces.Select(Of) },
        Moves = { report.Moves.Select(Of) },
        MovesUnderWay = (uint)report.MovesUnderWay,
        Obstacles = { report.Obstacles.Select(Of) },
        Limits = report.Limits is { } limits ? Of(limits) : null,
        FormatVersion = (uint)report.FormatVersion,
    };

    public static V1.ListMembersResponse MembersOf(ClusterReport report) => new()
    {
        Leader = report.Leader,
        Reason = report.Reason,
        Members = { report.Members.Select(Of) },
    };

    public static V1.ListKeyspacesResponse KeyspacesOf(ClusterReport report) =>
        new() { Keyspaces = { report.Keyspaces.Select(Of) } };

    public static V1.ListPartitionsResponse PartitionsOf(AdminReply reply) => new()
    {
        Reason = reply.Message,
        Partitions = { reply.Partitions!.Select(Of) },
    };

    public static V1.ListEventsResponse EventsOf(AdminReply reply) => new()
    {
        Events = { reply.Events!.Select(Of) },
        OldestEvent = reply.OldestEvent ?? 0,
        NewestEvent = reply.NewestEvent ?? 0,
        ClusterId = reply.ClusterId?.ToString() ?? "",
        Message = reply.Message,
    };

    public static V1.KeyspaceReport Of(KeyspaceReport keyspace)
    {
        var message = new V1.KeyspaceReport
        {
            Name = keyspace.Name,
            Mode = keyspace.Mode,
            Partitions = (uint)keyspace.Partitions,
            ReplicationFactor = (uint)keyspace.ReplicationFactor,
            KeyBytesMax = (uint)keyspace.KeyBytesMax,
            KeyPolicy = keyspace.KeyPolicy,
        };
        if (keyspace.AtTarget is { } known)
            message.AtTarget = (uint)known;
        if (keyspace.WriteQuorum is { } write)
            message.WriteQuorum = (uint)write;
        if (keyspace.ReadQuorum is { } read)
            message.ReadQuorum = (uint)read;
        if (keyspace.Sloppy is { } isSloppy)
            message.Sloppy = isSloppy;
        if (keyspace.ClientTimestamps is { } isAllowed)
            message.ClientTimestamps = isAllowed;
        return message;
    }

    public static V1.KeyLocation Of(KeyLocation location) => new()
    {
        Keyspace = location.Keyspace,
        Slot = (uint)location.Slot,
        Partition = location.Partition,
        Mode = location.Mode,
        Replicas = { location.Replicas },
        Leader = location.Leader,
        LeaderAddress = location.LeaderAddress,
    };

    public static V1.MoveLimits Of(MoveLimits limits) => new()
    {
        Paused = limits.Paused,
        MovesMax = (uint)limits.MovesMax,
        BatchSize = (uint)limits.BatchSize,
        BatchTimeoutMs = (ulong)limits.BatchTimeoutMs,
        RetryAttempts = (uint)limits.RetryAttempts,
        GraceMs = (ulong)limits.GraceMs,
        MarginPercent = (uint)limits.MarginPercent,
    };

    public static V1.ClusterEvent Of(ClusterEvent happened)
    {
        var message = new V1.ClusterEvent
        {
            Position = happened.Position,
            TimeMs = happened.TimeMs,
            Kind = EventsCodec.NameOf(happened.Kind),
            Member = happened.Member,
            Keyspace = happened.Keyspace,
            Why = happened.Why,
            Before = { happened.Before },
            After = { happened.After },
            By = happened.By,
        };
        if (happened.Partition is { } partition)
            message.Partition = partition;
        return message;
    }

    private static V1.MemberReport Of(MemberReport member)
    {
        var message = new V1.MemberReport
        {
            Name = member.Name,
            Id = member.Id.ToString(),
            PeerAddress = member.PeerAddress,
            ClientAddress = member.ClientAddress,
            HttpAddress = member.HttpAddress,
            Zone = member.Zone,
            Weight = (uint)member.Weight,
            Status = member.Status,
            State = member.State,
            Reason = member.Reason,
            Replicas = (uint)member.Replicas,
            Leaders = (uint)member.Leaders,
        };
        if (member.ForMs is { } ms)
            message.ForMs = (ulong)ms;
        if (member.RoomBytes is { } bytes)
            message.RoomBytes = (ulong)bytes;
        if (member.FormatLowest is { } lowest)
            message.FormatLowest = (uint)lowest;
        if (member.FormatNewest is { } newest)
            message.FormatNewest = (uint)newest;
        return message;
    }

    private static V1.MoveReport Of(MoveReport move) => new()
    {
        Keyspace = move.Keyspace,
        Partition = move.Partition,
        Adds = { move.Adds },
        Removes = { move.Removes },
        ForMs = (ulong)move.ForMs,
        SinceProgressMs = (ulong)move.SinceProgressMs,
        Bytes = (ulong)move.Bytes,
    };

    private static V1.ObstacleReport Of(ObstacleReport obstacle) => new()
    {
        Keyspace = obstacle.Keyspace,
        Partition = obstacle.Partition,
        Wanted = obstacle.Wanted,
        Text = obstacle.Text,
    };

    private static V1.PartitionReport Of(PartitionReport partition)
    {
        var message = new V1.PartitionReport
        {
            Keyspace = partition.Keyspace,
            Partition = partition.Partition,
            Mode = partition.Mode,
            Leader = partition.Leader,
            Voters = { partition.Voters },
            Learners = { partition.Learners },
        };
        if (partition.AtTarget is { } known)
            message.AtTarget = known;
        if (partition.Bytes is { } bytes)
            message.Bytes = (ulong)bytes;
        return message;
    }

    private static bool HasTimestamps(V1.AlterKeyspaceRequest request) =>
        request.ClientTimestampsGivenCase != default;

    private static int? Given(bool isGiven, uint number) => isGiven ? Int(number) : null;

    // What is too great for a number here is beyond every bound, which the node names.
    private static int Int(uint number) => (int)Math.Min(number, int.MaxValue);

    private static long Long(ulong number) => (long)Math.Min(number, long.MaxValue);
}
