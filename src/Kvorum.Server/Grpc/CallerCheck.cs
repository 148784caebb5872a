using System.Collections.Frozen;
using Kvorum.Node;
using Kvorum.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Grpc;

/// <summary>
/// Judges who asks before anything of a call's messages is read, in one place for all services: only those
/// for everybody take messages of strangers. What a known caller may do depends on the message, and is
/// judged by <see cref="CallersNode"/>. Any thread.
/// </summary>
/// <param name="node">The node, behind its door.</param>
/// <param name="services">What is served.</param>
internal sealed class CallerCheck(INode node, IEnumerable<GrpcService> services)
{
    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _public = services
        .Where(static service => service.IsPublic).Select(static service => service.Name)
        .ToFrozenSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>
    /// <see cref="AccessRefusedException"/> if the caller may not ask at all, or asks too much at a time: the
    /// call counts for its user until it ends.
    /// </summary>
    public void Admit(HttpContext http, GrpcCall call)
    {
        if (_public.Contains(ServiceOf(http.Request.Path.Value)) || node.For(http) is not CallersNode caller)
            return;
        caller.Admit();
        call.Hold(caller.Enter());
    }

    // What is no /SERVICE/METHOD is no service for everybody.
    private static ReadOnlySpan<char> ServiceOf(ReadOnlySpan<char> path) =>
        path.LastIndexOf('/') is > 0 and var slash ? path[1..slash] : default;
}
