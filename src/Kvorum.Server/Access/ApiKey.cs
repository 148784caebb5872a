using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Kvorum.Server.Access;

/// <summary>
/// API keys: <c>kvorum_NUMBER_SECRET</c>, the number of 16 hexadecimal digits, the secret of 256 random bits
/// in base64url. A cluster keeps SHA-256 of the whole: what cannot be guessed needs no slow hash, which would
/// be an attack of its own if each request cost it.
/// </summary>
public static class ApiKey
{
    private const string Prefix = "kvorum_";
    private const int IdBytes = 8;
    private const int SecretBytes = 32;
    private const int SecretAt = 7 + (2 * IdBytes) + 1;
    private const int Length = SecretAt + 43;

    /// <summary>A new key: its number, the key, and what is kept of it.</summary>
    public static (string Id, string Key, byte[] Hash) Draw()
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes));
        var key = $"{Prefix}{id}_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes))}";
        return (id, key, HashOf(key));
    }

    /// <summary>The caller that shows this; null if it has not the form of a key.</summary>
    internal static Caller? CallerOf(string token) =>
        token.Length == Length && token.StartsWith(Prefix, StringComparison.Ordinal)
            && token[SecretAt - 1] == '_'
            ? new Caller.Keyed(token[Prefix.Length..(SecretAt - 1)], HashOf(token)) : null;

    // What is no ASCII is no key, and what it becomes here is the hash of none.
    private static byte[] HashOf(string key) => SHA256.HashData(Encoding.ASCII.GetBytes(key));
}
