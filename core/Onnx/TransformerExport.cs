using Hybrid.Models;
using Hybrid.Text;

namespace Hybrid.Onnx;

/// <summary>
/// Writes a trained Transformer as two ONNX models: one reads the source, the other scores the next target token. The loop that says one
/// token after the other is no graph: it stays with the program, which runs the second file once a token.
/// </summary>
/// <remarks>A runtime refuses ids beyond the vocabulary, but by the standard takes negative ones to count from its end.</remarks>
public static class TransformerExport
{
    private static readonly OnnxAxis Batch = new("batch");

    /// <summary>
    /// Writes the encoder: <c>source</c>, int64 [batch, sourceTime], filled up with <see cref="Vocabulary.Padding"/>, to
    /// <c>memory</c>, float [batch, sourceTime, features]. Padding is found by its id and hidden inside the graph.
    /// </summary>
    /// <param name="path">The file; by custom it ends in .onnx.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="Files.DataFileException">The folder or the disk refuses the file, or it would exceed 2 GiB.</exception>
    public static void WriteEncoder(string path, Transformer<float> model) =>
        OnnxFile.Save(path, "memory", pass => model.Encode(pass.Tape, pass.Tokens("source", Batch, Time("sourceTime", model))));

    /// <summary>
    /// Writes one step of the decoder: <c>source</c>, int64 [batch, sourceTime]; the encoder's <c>memory</c>, float [batch,
    /// sourceTime, features]; and <c>target</c>, int64 [batch, targetTime], what was said so far with
    /// <see cref="Vocabulary.Begin"/> first; to <c>logits</c>, float [batch, targetTime, targetVocabulary]: the scores of the next
    /// token after each. The last row decides what is said next; the others serve to score a whole target at once.
    /// </summary>
    /// <inheritdoc cref="WriteEncoder"/>
    public static void WriteDecoderStep(string path, Transformer<float> model) =>
        OnnxFile.Save(path, "logits", pass =>
        {
            var source = pass.Tokens("source", Batch, Time("sourceTime", model));
            var memory = pass.Numbers("memory", Batch, Time("sourceTime", model), model.Settings.Features);
            return model.Decode(memory, source, pass.Tokens("target", Batch, Time("targetTime", model)));
        });

    private static OnnxAxis Time(string name, Transformer<float> model) => new(name, model.Settings.MaximumLength);
}
