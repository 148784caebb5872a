using Microsoft.IdentityModel.Tokens;

namespace Kvorum.Server.Access.Jwt;

/// <summary>A public key that is believed.</summary>
/// <param name="Name">Its <c>kid</c>.</param>
/// <param name="Algorithms">What it may check: those of its type, or the one that it is made for.</param>
/// <param name="Key">The key, for the library.</param>
internal sealed record JwtKey(string Name, IReadOnlyList<string> Algorithms, JsonWebKey Key);
