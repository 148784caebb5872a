using Kvorum.Protocol;
using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Http;

/// <summary>
/// The conditions of a request (RFC 9110, 13): If-Match is looked at first, then If-None-Match. There are no
/// modification dates, so the conditions on dates are passed over, as 13.1.3 and 13.1.4 have it.
/// </summary>
internal sealed class Preconditions
{
    private const int AttemptsMax = 16;

    private readonly EntityTags? _match;
    private readonly EntityTags? _noneMatch;
    private readonly ulong? _ifVersion;

    private Preconditions(HttpExchange exchange)
    {
        var headers = exchange.Http.Request.Headers;
        _match = EntityTags.Of(Fields.IfMatch.Name, headers.IfMatch);
        _noneMatch = EntityTags.Of(Fields.IfNoneMatch.Name, headers.IfNoneMatch);
        _ifVersion = exchange.Query.Number(Fields.IfVersion);
        if (_ifVersion is not null && (_match ?? _noneMatch) is not null)
            throw HttpFailure.Invalid("if_version and If-Match or If-None-Match are both given");
    }

    /// <summary>
    /// Looks at the conditions of a read that found its key; false if the answer is 304 and has no body. 412
    /// is thrown. An answer that would be no success is given without looking (13.2.1).
    /// </summary>
    /// <param name="exchange">The request.</param>
    /// <param name="get">The read.</param>
    /// <param name="reply">What was found.</param>
    /// <param name="isExact">The answer is the exact bytes; else JSON, which no strong tag names.</param>
    public static bool AllowAnswer(HttpExchange exchange, GetRequest get, Reply reply, bool isExact)
    {
        var response = exchange.Http.Response;
        var headers = exchange.Http.Request.Headers;
        response.Headers.ETag =
            isExact ? EntityTags.Strong(reply.Version) : EntityTags.Weak(reply.Version);
        if (EntityTags.Of(Fields.IfMatch.Name, headers.IfMatch) is { } match
            && !(match.IsAny || (isExact && match.HasStrong(reply.Version))))
            throw Failed(get, reply.Version);
        if (EntityTags.Of(Fields.IfNoneMatch.Name, headers.IfNoneMatch)?.HasWeak(reply.Version) is not true)
            return true;
        response.StatusCode = StatusCodes.Status304NotModified;
        return false;
    }

    /// <summary>
    /// Asks for a write under its conditions. The store checks one version, in the same step as the write.
    /// Any other condition is held against the key's present version, and the write then asks for that
    /// version: if another write came between, all of it is done again.
    /// </summary>
    public static async Task<Reply> WriteAsync(HttpExchange exchange, WriteRequest write)
    {
        var conditions = new Preconditions(exchange);
        if (conditions.IsOneVersion(out var version))
            return await exchange.AskAsync(write with { IfVersion = version }).ConfigureAwait(false);
        // The record of a request is that of its first attempt: a later one would get that one's answer.
        if (write.ClientId.Length > 0)
            throw HttpFailure.Invalid(
                "with a client id a condition is one version in If-Match, If-None-Match: * or if_version");
        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            var present = await PresentAsync(exchange, write).ConfigureAwait(false);
            if (!conditions.Hold(present))
                throw Failed(write, present);
            try
            {
                return await exchange.AskAsync(write with { IfVersion = present }).ConfigureAwait(false);
            }
            catch (HttpFailure failure) when (failure.Status == StatusCodes.Status412PreconditionFailed)
            {
                // Another write came between; nothing was done.
            }
        }

        throw HttpFailure.Of(write, new()
        {
            Status = ReplyStatus.Unavailable,
            Message =
                $"the key was written by others during each of {AttemptsMax} attempts; nothing was done",
        });
    }

    private static async Task<ulong> PresentAsync(HttpExchange exchange, WriteRequest write)
    {
        var reply = await exchange.AskAsync(new GetRequest
        {
            Keyspace = write.Keyspace,
            Key = write.Key,
            NoRedirect = write.NoRedirect,
        }).ConfigureAwait(false);
        return reply.Found ? reply.Version : 0;
    }

    private bool IsOneVersion(out ulong? version)
    {
        version = (_match, _noneMatch) switch
        {
            (null, null) => _ifVersion,
            (null, { IsAny: true }) => 0, // The key is absent.
            ({ Version: { } one }, null) => one,
            _ => null,
        };
        return version is not null || (_match ?? _noneMatch) is null;
    }

    private bool Hold(ulong version) =>
        _match?.HasStrong(version) is not false && _noneMatch?.HasWeak(version) is not true;

    private static HttpFailure Failed(Request request, ulong version) =>
        HttpFailure.Of(request, new() { Status = ReplyStatus.ConditionFailed, Version = version });
}
