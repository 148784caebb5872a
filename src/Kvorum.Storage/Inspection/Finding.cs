namespace Kvorum.Storage.Inspection;

/// <summary>What an inspection found in one file or folder.</summary>
/// <param name="File">Path below the data folder.</param>
/// <param name="Kind">Whether it is as it should be.</param>
/// <param name="Text">What was found; of damage: offset and remedy too.</param>
public sealed record Finding(string File, FindingKind Kind, string Text);

/// <summary>How bad a finding is.</summary>
public enum FindingKind
{
    /// <summary>As it should be.</summary>
    Sound,

    /// <summary>Worth knowing, and no damage: what the next start will cut, remove or ignore.</summary>
    Note,

    /// <summary>Nothing is damaged, and an operator must decide what the node is to do with it.</summary>
    Decision,

    /// <summary>Damage: a start would refuse it, or fail when it is read.</summary>
    Damage,
}
