using System.Net;
using Kvorum.Protocol;

namespace Kvorum.Server.Access;

/// <summary>What became of a caller at the door.</summary>
/// <param name="Remote">The other end; null if it is not known.</param>
/// <param name="Who">The user; empty if it is nobody who is known.</param>
/// <param name="Means">By which means it is known, or was to be.</param>
/// <param name="Status">
/// Ok: a token names somebody. Unauthenticated: a token does not. PermissionDenied: somebody has no right to
/// what was asked; of many of them in a minute one is told.
/// </param>
/// <param name="Why">Why it was refused, for the log; empty if it was not.</param>
internal sealed record AccessEvent(
    EndPoint? Remote, string Who, IdentityMeans Means, ReplyStatus Status, string Why);
