using System.Globalization;
using Kvorum.Cli.CommandLine;
using Kvorum.Node.Administration;
using Spectre.Console;

namespace Kvorum.Cli.Administration;

/// <summary>Users, roles and rights for people.</summary>
internal static class AccessTables
{
    /// <summary>The users.</summary>
    public static void Users(IAnsiConsole console, AccessReport report)
    {
        var table = new Table().RoundedBorder().AddColumns("user", "roles", "API keys");
        foreach (var user in report.Users)
        {
            table.AddRow(
                new Text(user.Name + (user.Disabled ? ", disabled" : "")),
                new Text(string.Join(", ", user.Roles)),
                new Text(string.Join('\n', user.ApiKeys.Select(Shown))));
        }

        console.Write(table);
        console.Write(new Text(
            report.Enforced ? "rights are enforced\n"
                : "rights are not enforced: whoever is let in may do everything (kvorum rights on)\n"));
    }

    /// <summary>The roles.</summary>
    public static void Roles(IAnsiConsole console, AccessReport report)
    {
        var table = new Table().RoundedBorder().AddColumns("role", "rights");
        foreach (var role in report.Roles)
        {
            table.AddRow(
                new Text(role.Name + (role.BuiltIn ? ", built in" : "")),
                new Text(string.Join('\n', role.Grants.Select(Shown))));
        }

        console.Write(table);
    }

    /// <summary>Who asks.</summary>
    public static void Identity(TextWriter output, IdentityReport identity)
    {
        output.WriteLine(
            $"user={(identity.Name.Length == 0 ? "none" : identity.Name)} known_by={identity.Means} "
            + $"enforced={(identity.Enforced ? "true" : "false")}");
        foreach (var grant in identity.Grants)
            output.WriteLine(Shown(grant));
    }

    private static string Shown(GrantSpec grant) =>
        $"{grant.Keyspace}{(grant.Prefix is null ? "" : $"/{Bytes.Shown(Bytes.Text(grant.Prefix))}")}"
        + $"={string.Join(',', grant.Actions)}";

    private static string Shown(AccessReport.ApiKeyReport key)
    {
        if (key.ExpiresMs is not { } expires)
            return key.Id;
        var shown = (long)Math.Min(expires, (ulong)DateTimeOffset.MaxValue.ToUnixTimeMilliseconds());
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{key.Id} until {DateTimeOffset.FromUnixTimeMilliseconds(shown):u}");
    }
}
