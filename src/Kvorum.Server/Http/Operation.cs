using System.Text.Json.Serialization.Metadata;

namespace Kvorum.Server.Http;

/// <summary>
/// What a route takes and answers, stated once beside its handler: what is not stated is refused, and the
/// OpenAPI document is made of it.
/// </summary>
/// <param name="Id">Its name, unique among all.</param>
/// <param name="Tag">"keys", "node", "cluster" or "access": what it is about.</param>
/// <param name="Summary">What it does.</param>
internal sealed record Operation(string Id, string Tag, string Summary)
{
    /// <summary>True if it is for everybody, where rights are enforced, too: a probe, or the description.
    /// </summary>
    public bool IsPublic { get; init; }

    /// <summary>The parameters in the path, in their order.</summary>
    public Field[] Path { get; init; } = [];

    /// <summary>
    /// The query parameters; any other is refused, so that a misspelt condition is never ignored.
    /// </summary>
    public Field[] Query { get; init; } = [];

    /// <summary>The Kvorum headers and conditions; any other of them is refused.</summary>
    public Field[] Headers { get; init; } = [];

    /// <summary>The members of a body that is a JSON object; empty if the body is none.</summary>
    public Field[] Members { get; init; } = [];

    /// <summary>The shape of a body that is JSON of more than plain members; null if there is none.</summary>
    public JsonTypeInfo? Body { get; init; }

    /// <summary>True if the body is the value.</summary>
    public bool TakesValue { get; init; }

    /// <summary>The answers that are no errors, and errors of a shape of their own.</summary>
    public required Answer[] Answers { get; init; }

    /// <summary>The statuses of <see cref="FailureStatuses"/> with which it may fail.</summary>
    public required int[] Failures { get; init; }
}

/// <summary>An answer, by its status.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Description">What it says.</param>
internal sealed record Answer(int Status, string Description)
{
    /// <summary>The shapes that JSON may have; empty if there is none.</summary>
    public JsonTypeInfo[] Json { get; init; } = [];

    /// <summary>The shapes that lines of JSON may have; empty if there are none.</summary>
    public JsonTypeInfo[] Lines { get; init; } = [];

    /// <summary>True if the value itself may come.</summary>
    public bool IsValue { get; init; }

    /// <summary>Headers that may come with it.</summary>
    public Field[] Headers { get; init; } = [];
}
