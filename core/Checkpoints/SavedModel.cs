using Hybrid.Files;
using Hybrid.Text;

namespace Hybrid.Checkpoints;

/// <summary>A model with what was saved with it.</summary>
/// <param name="Path">The file.</param>
/// <param name="Model">The model.</param>
/// <param name="Attachments">Lists of texts by name, such as the tokens that its ids stand for.</param>
public sealed record SavedModel<TModel>(string Path, TModel Model, IReadOnlyDictionary<string, IReadOnlyList<string>> Attachments)
{
    /// <summary>The vocabulary whose tokens are attached under that name.</summary>
    /// <exception cref="DataFileException">Nothing is, or it is none.</exception>
    public Vocabulary Vocabulary(string name)
    {
        if (!Attachments.TryGetValue(name, out var tokens)) throw new DataFileException(
            $"{Path}: nothing is attached as '{name}'; there are {string.Join(", ", Attachments.Keys.Order(StringComparer.Ordinal))}.");
        return DataFileException.Guard(() => Text.Vocabulary.FromTokens(tokens), error =>
            error is ArgumentException ? $"{Path}, metadata '{name}': {error.Message}" : null);
    }
}
