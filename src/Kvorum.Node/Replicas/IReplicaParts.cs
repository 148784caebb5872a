namespace Kvorum.Node.Replicas;

/// <summary>What a replica of any kind is made of, recovered from disk or newly born.</summary>
internal interface IReplicaParts
{
    /// <summary>The group.</summary>
    GroupId Group { get; }
}
