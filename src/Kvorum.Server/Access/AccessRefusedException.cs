using Kvorum.Protocol;

namespace Kvorum.Server.Access;

/// <summary>A caller may not know what was asked of the node itself.</summary>
internal sealed class AccessRefusedException(Reply refusal) : Exception(refusal.Message)
{
    /// <summary>As a request would be refused.</summary>
    public Reply Refusal { get; } = refusal;
}
