/*
 * Which operation does what. The names are the 1462 that TensorFlow 2.21 offers in tf.raw_ops, and those beyond them
 * that it registers too and graphs are met with: of XLA, of RPC, of TPU systems, what its graph rewrites leave behind.
 * What each does is in its definition and kernel (tensorflow/core/ops, tensorflow/core/kernels). An operation that is
 * in no group is unknown: a custom one, or one of a newer version.
 *
 * Lists are sorted as bytes; tests/unit/op_effects.c compares them with tests/data/op_names.txt.
 */
#include "graph/op_effects.h"

/* Many to a line. */
/* clang-format off */

/* ---- Code ---- */

static const char *const host_code[] = {"EagerPyFunc", "PyFunc", "PyFuncStateless"};

static const char *const graph_from_tensor[] = {"DatasetFromGraph"};

static const char *const compiled_code[] = {
    "TPUExecute", "TPUExecuteAndUpdateVariables", "XlaCallModule", "XlaCustomCall", "XlaCustomCallV2", "_XlaRun"};

/* ---- The process, other machines ---- */

static const char *const aborting[] = {"Abort"};

static const char *const workers[] = {
    "ConfigureAndInitializeGlobalTPU", "ConfigureDistributedTPU", "ConnectTPUEmbeddingHosts",
    "DTensorSetGlobalTPUArray", "ShutdownDistributedTPU", "ShutdownTPUSystem", "UpdateTaskIdAndGlobalCoreArray",
    "WorkerHeartbeat", "_ConfigureDistributedTPU", "_DisconnectHostFromDistributedTPUSystem",
    "_InitializeHostForDistributedTPU", "_SetGlobalTPUArray", "_ShutdownDistributedTPU", "_WaitForDistributedTPU"};

static const char *const remote_call[] = {"RemoteCall"};

static const char *const file_system_settings[] = {"FileSystemSetConfiguration"};

static const char *const rpc[] = {
    "DeleteRpcFutureResource", "RpcCall", "RpcCheckStatus", "RpcClient", "RpcGetValue", "RpcServer",
    "RpcServerRegister", "RpcServerStart"};

static const char *const data_service[] = {
    "DataServiceDataset", "DataServiceDatasetV2", "DataServiceDatasetV3", "DataServiceDatasetV4", "RegisterDataset",
    "RegisterDatasetV2"};

static const char *const distributed_save[] = {"DistributedSave"};

static const char *const collectives[] = {
    "AllToAll", "CollectiveAllToAllV2", "CollectiveAllToAllV3", "CollectiveAssignGroupV2", "CollectiveBcastRecv",
    "CollectiveBcastRecvV2", "CollectiveBcastSend", "CollectiveBcastSendV2", "CollectiveGather", "CollectiveGatherV2",
    "CollectiveInitializeCommunicator", "CollectivePermute", "CollectiveReduce", "CollectiveReduceScatterV2",
    "CollectiveReduceV2", "CollectiveReduceV3", "CrossReplicaSum", "NcclAllReduce", "NcclBroadcast", "NcclReduce",
    "Recv", "Send", "XlaAllReduce", "XlaReduceScatter", "_HostRecv", "_HostSend", "_NcclBroadcastRecv",
    "_NcclBroadcastSend", "_NcclReduceRecv", "_NcclReduceSend", "_Recv", "_Send"};

/* ---- Files: written ---- */

static const char *const file_writers[] = {
    "CalibrationStatisticsSaver", "DatasetToTFRecord", "DumpTensor", "ExperimentalDatasetToTFRecord", "SaveDataset",
    "SaveDatasetV2", "StoreMinibatchStatisticsInFdo", "WriteFile"};

static const char *const checkpoint_writers[] = {"Save", "SaveSlices", "SaveV2"};

static const char *const checkpoint_mergers[] = {"MergeV2Checkpoints"};

static const char *const caches[] = {"CacheDataset", "CacheDatasetV2", "SnapshotDataset", "SnapshotDatasetV2"};

static const char *const summary_writers[] = {
    "CloseSummaryWriter", "CreateSummaryDbWriter", "CreateSummaryFileWriter", "FlushSummaryWriter", "ImportEvent",
    "StatsAggregatorSetSummaryWriter", "WriteAudioSummary", "WriteGraphSummary", "WriteHistogramSummary",
    "WriteImageSummary", "WriteRawProtoSummary", "WriteScalarSummary", "WriteSummary"};

/* ---- Files: read ---- */

static const char *const file_readers[] = {
    "FixedLengthRecordReader", "FixedLengthRecordReaderV2", "GenerateVocabRemapping", "ImmutableConst", "LMDBReader",
    "LoadAndRemapMatrix", "ReadFile", "RecordInput", "TFRecordReader", "TFRecordReaderV2", "TextLineReader",
    "TextLineReaderV2", "WholeFileReader", "WholeFileReaderV2"};

static const char *const reader_ops[] = {"ReaderRead", "ReaderReadUpTo", "ReaderReadUpToV2", "ReaderReadV2"};

static const char *const table_files[] = {"InitializeTableFromTextFile", "InitializeTableFromTextFileV2"};

static const char *const file_lists[] = {
    "ExperimentalMatchingFilesDataset", "ListSnapshotChunksDataset", "MatchingFiles", "MatchingFilesDataset"};

static const char *const file_data_sets[] = {
    "CSVDataset", "CSVDatasetV2", "ExperimentalCSVDataset", "ExperimentalLMDBDataset", "FixedLengthRecordDataset",
    "FixedLengthRecordDatasetV2", "LMDBDataset", "LoadDataset", "SnapshotChunkDataset", "SnapshotDatasetReader",
    "SnapshotNestedDatasetReader", "TFRecordDataset", "TFRecordDatasetV2", "TextLineDataset"};

static const char *const data_bases[] = {"ExperimentalSqlDataset", "SqlDataset"};

static const char *const checkpoint_readers[] = {"DTensorRestoreV2", "Restore", "RestoreSlice", "RestoreV2"};

/* ---- What an attribute decides (node_effects.c) ---- */

static const char *const debug_urls[] = {
    "DebugIdentity", "DebugIdentityV2", "DebugIdentityV3", "DebugNanCount", "DebugNumericSummary"};

static const char *const files_in_attributes[] = {"DecodeProtoV2", "EncodeProto", "FixedUnigramCandidateSampler"};

static const char *const print_to_stream[] = {"PrintV2"};

/* ---- State of the process ---- */

static const char *const printing[] = {"Print"};

static const char *const clocks[] = {
    "ExperimentalSleepDataset", "GetDeadline", "SleepDataset", "SleepIdentityOp", "SleepOp", "SyncDevice", "Timestamp"};

static const char *const device_memory[] = {
    "ConfigureTPUEmbedding", "ConvertToCooTensor", "DynamicEnqueueTPUEmbeddingArbitraryTensorBatch",
    "DynamicEnqueueTPUEmbeddingRaggedTensorBatch", "EnqueueTPUEmbeddingArbitraryTensorBatch",
    "EnqueueTPUEmbeddingIntegerBatch", "EnqueueTPUEmbeddingRaggedTensorBatch", "EnqueueTPUEmbeddingSparseBatch",
    "EnqueueTPUEmbeddingSparseTensorBatch", "GetMinibatchSplitsWithPhysicalReplica",
    "GetMinibatchesInCsrWithPhysicalReplica", "GlobalIterId", "InfeedDequeue", "InfeedDequeueTuple", "InfeedEnqueue",
    "InfeedEnqueuePrelinearizedBuffer", "InfeedEnqueueTuple", "IsTPUEmbeddingInitialized",
    "LoadTPUEmbeddingADAMParameters", "LoadTPUEmbeddingAdadeltaParameters", "LoadTPUEmbeddingAdagradMomentumParameters",
    "LoadTPUEmbeddingAdagradParameters", "LoadTPUEmbeddingCenteredRMSPropParameters", "LoadTPUEmbeddingFTRLParameters",
    "LoadTPUEmbeddingFrequencyEstimatorParameters", "LoadTPUEmbeddingMDLAdagradLightParameters",
    "LoadTPUEmbeddingMomentumParameters", "LoadTPUEmbeddingProximalAdagradParameters",
    "LoadTPUEmbeddingProximalYogiParameters", "LoadTPUEmbeddingRMSPropParameters",
    "LoadTPUEmbeddingStochasticGradientDescentParameters", "OutfeedDequeue", "OutfeedDequeueTuple",
    "OutfeedDequeueTupleV2", "OutfeedDequeueV2", "OutfeedEnqueue", "OutfeedEnqueueTuple", "Prelinearize",
    "PrelinearizeTuple", "RecvTPUEmbeddingActivations", "RetrieveTPUEmbeddingADAMParameters",
    "RetrieveTPUEmbeddingAdadeltaParameters", "RetrieveTPUEmbeddingAdagradMomentumParameters",
    "RetrieveTPUEmbeddingAdagradParameters", "RetrieveTPUEmbeddingCenteredRMSPropParameters",
    "RetrieveTPUEmbeddingFTRLParameters", "RetrieveTPUEmbeddingFrequencyEstimatorParameters",
    "RetrieveTPUEmbeddingMDLAdagradLightParameters", "RetrieveTPUEmbeddingMomentumParameters",
    "RetrieveTPUEmbeddingProximalAdagradParameters", "RetrieveTPUEmbeddingProximalYogiParameters",
    "RetrieveTPUEmbeddingRMSPropParameters", "RetrieveTPUEmbeddingStochasticGradientDescentParameters",
    "SendTPUEmbeddingGradients", "TPUEmbeddingActivations", "TPUOrdinalSelector", "TPUPartitionedCall",
    "XlaHostCompute", "XlaRecv", "XlaRecvFromHost", "XlaSend", "XlaSendToHost", "XlaSparseCoreAdagrad",
    "XlaSparseCoreAdagradMomentum", "XlaSparseCoreAdam", "XlaSparseCoreFtrl", "XlaSparseCoreSgd"};

static const char *const random_numbers[] = {
    "AllCandidateSampler", "AnonymousRandomSeedGenerator", "AnonymousSeedGenerator", "DeleteRandomSeedGenerator",
    "DeleteSeedGenerator", "DummySeedGenerator", "ExperimentalRandomDataset", "LearnedUnigramCandidateSampler",
    "LogUniformCandidateSampler", "Multinomial", "NonDeterministicInts", "ParameterizedTruncatedNormal", "RandomCrop",
    "RandomDataset", "RandomDatasetV2", "RandomGamma", "RandomPoisson", "RandomPoissonV2", "RandomShuffle",
    "RandomStandardNormal", "RandomUniform", "RandomUniformInt", "RngReadAndSkip", "RngSkip",
    "SampleDistortedBoundingBox", "SampleDistortedBoundingBoxV2", "ShuffleAndRepeatDataset",
    "ShuffleAndRepeatDatasetV2", "ShuffleDataset", "ShuffleDatasetV2", "ShuffleDatasetV3", "StatefulRandomBinomial",
    "StatefulStandardNormal", "StatefulStandardNormalV2", "StatefulTruncatedNormal", "StatefulUniform",
    "StatefulUniformFullInt", "StatefulUniformInt", "ThreadUnsafeUnigramCandidateSampler", "TruncatedNormal",
    "UniformCandidateSampler"};

static const char *const variables[] = {
    "ApplyAdaMax", "ApplyAdadelta", "ApplyAdagrad", "ApplyAdagradDA", "ApplyAdagradV2", "ApplyAdam", "ApplyAddSign",
    "ApplyCenteredRMSProp", "ApplyFtrl", "ApplyFtrlV2", "ApplyGradientDescent", "ApplyMomentum", "ApplyPowerSign",
    "ApplyProximalAdagrad", "ApplyProximalGradientDescent", "ApplyRMSProp", "Assign", "AssignAdd",
    "AssignAddVariableOp", "AssignSub", "AssignSubVariableOp", "AssignVariableOp", "AssignVariableXlaConcatND",
    "CountUpTo", "DestroyResourceOp", "DestroyTemporaryVariable", "DisableCopyOnRead", "InplaceAdd", "InplaceSub",
    "InplaceUpdate", "IsVariableInitialized", "ReadVariableOp", "ReadVariableXlaSplitND", "ResourceApplyAdaMax",
    "ResourceApplyAdadelta", "ResourceApplyAdagrad", "ResourceApplyAdagradDA", "ResourceApplyAdagradV2",
    "ResourceApplyAdam", "ResourceApplyAdamWithAmsgrad", "ResourceApplyAddSign", "ResourceApplyCenteredRMSProp",
    "ResourceApplyFtrl", "ResourceApplyFtrlV2", "ResourceApplyGradientDescent", "ResourceApplyKerasMomentum",
    "ResourceApplyMomentum", "ResourceApplyPowerSign", "ResourceApplyProximalAdagrad",
    "ResourceApplyProximalGradientDescent", "ResourceApplyRMSProp", "ResourceCountUpTo", "ResourceGather",
    "ResourceGatherNd", "ResourceScatterAdd", "ResourceScatterDiv", "ResourceScatterMax", "ResourceScatterMin",
    "ResourceScatterMul", "ResourceScatterNdAdd", "ResourceScatterNdMax", "ResourceScatterNdMin",
    "ResourceScatterNdSub", "ResourceScatterNdUpdate", "ResourceScatterSub", "ResourceScatterUpdate",
    "ResourceSparseApplyAdadelta", "ResourceSparseApplyAdagrad", "ResourceSparseApplyAdagradDA",
    "ResourceSparseApplyAdagradV2", "ResourceSparseApplyCenteredRMSProp", "ResourceSparseApplyFtrl",
    "ResourceSparseApplyFtrlV2", "ResourceSparseApplyKerasMomentum", "ResourceSparseApplyMomentum",
    "ResourceSparseApplyProximalAdagrad", "ResourceSparseApplyProximalGradientDescent", "ResourceSparseApplyRMSProp",
    "ResourceStridedSliceAssign", "ScatterAdd", "ScatterDiv", "ScatterMax", "ScatterMin", "ScatterMul", "ScatterNdAdd",
    "ScatterNdMax", "ScatterNdMin", "ScatterNdSub", "ScatterNdUpdate", "ScatterSub", "ScatterUpdate",
    "SparseApplyAdadelta", "SparseApplyAdagrad", "SparseApplyAdagradDA", "SparseApplyAdagradV2",
    "SparseApplyCenteredRMSProp", "SparseApplyFtrl", "SparseApplyFtrlV2", "SparseApplyMomentum",
    "SparseApplyProximalAdagrad", "SparseApplyProximalGradientDescent", "SparseApplyRMSProp", "StridedSliceAssign",
    "TemporaryVariable", "VarHandleOp", "VarIsInitializedOp", "Variable", "VariableShape", "VariableV2",
    "_ReadVariablesOp", "_VarHandlesOp"};

static const char *const resources[] = {
    "AccumulatorApplyGradient", "AccumulatorNumAccumulated", "AccumulatorSetGlobalStep", "AccumulatorTakeGradient",
    "AddManySparseToTensorsMap", "AddSparseToTensorsMap", "AnonymousHashTable", "AnonymousIterator",
    "AnonymousIteratorV2", "AnonymousIteratorV3", "AnonymousMemoryCache", "AnonymousMultiDeviceIterator",
    "AnonymousMultiDeviceIteratorV3", "AnonymousMutableDenseHashTable", "AnonymousMutableHashTable",
    "AnonymousMutableHashTableOfTensors", "Barrier", "BarrierClose", "BarrierIncompleteSize", "BarrierInsertMany",
    "BarrierReadySize", "BarrierTakeMany", "Batch", "BatchFunction", "BoostedTreesCenterBias",
    "BoostedTreesCreateEnsemble", "BoostedTreesCreateQuantileStreamResource", "BoostedTreesDeserializeEnsemble",
    "BoostedTreesEnsembleResourceHandleOp", "BoostedTreesExampleDebugOutputs", "BoostedTreesFlushQuantileSummaries",
    "BoostedTreesGetEnsembleStates", "BoostedTreesPredict", "BoostedTreesQuantileStreamResourceAddSummaries",
    "BoostedTreesQuantileStreamResourceDeserialize", "BoostedTreesQuantileStreamResourceFlush",
    "BoostedTreesQuantileStreamResourceGetBucketBoundaries", "BoostedTreesQuantileStreamResourceHandleOp",
    "BoostedTreesSerializeEnsemble", "BoostedTreesTrainingPredict", "BoostedTreesUpdateEnsemble",
    "BoostedTreesUpdateEnsembleV2", "BytesProducedStatsDataset", "ConditionalAccumulator", "ConsumeMutexLock",
    "DeleteIterator", "DeleteMemoryCache", "DeleteMultiDeviceIterator", "DeleteSessionTensor", "DeserializeIterator",
    "DummyIterationCounter", "DummyMemoryCache", "ExperimentalBytesProducedStatsDataset",
    "ExperimentalIteratorGetDevice", "ExperimentalLatencyStatsDataset", "ExperimentalMaxIntraOpParallelismDataset",
    "ExperimentalPrivateThreadPoolDataset", "ExperimentalSetStatsAggregatorDataset",
    "ExperimentalStatsAggregatorHandle", "ExperimentalStatsAggregatorSummary", "ExperimentalThreadPoolDataset",
    "ExperimentalThreadPoolHandle", "FIFOQueue", "FIFOQueueV2", "FakeQueue", "GetSessionHandle", "GetSessionHandleV2",
    "GetSessionTensor", "HashTable", "HashTableV2", "IdentityReader", "IdentityReaderV2", "InitializeTable",
    "InitializeTableFromDataset", "InitializeTableV2", "IsBoostedTreesEnsembleInitialized",
    "IsBoostedTreesQuantileStreamResourceInitialized", "Iterator", "IteratorFromStringHandle",
    "IteratorFromStringHandleV2", "IteratorGetDevice", "IteratorGetModelProto", "IteratorGetNext",
    "IteratorGetNextAsOptional", "IteratorGetNextSync", "IteratorToStringHandle", "IteratorV2", "LatencyStatsDataset",
    "LookupTableExport", "LookupTableExportV2", "LookupTableFind", "LookupTableFindV2", "LookupTableImport",
    "LookupTableImportV2", "LookupTableInsert", "LookupTableInsertV2", "LookupTableRemoveV2", "LookupTableSize",
    "LookupTableSizeV2", "MakeIterator", "MapClear", "MapIncompleteSize", "MapPeek", "MapSize", "MapStage",
    "MapUnstage", "MapUnstageNoKey", "MaxIntraOpParallelismDataset", "MultiDeviceIterator",
    "MultiDeviceIteratorFromStringHandle", "MultiDeviceIteratorGetNextFromShard", "MultiDeviceIteratorInit",
    "MultiDeviceIteratorToStringHandle", "MutableDenseHashTable", "MutableDenseHashTableV2", "MutableHashTable",
    "MutableHashTableOfTensors", "MutableHashTableOfTensorsV2", "MutableHashTableV2", "MutexLock", "MutexV2",
    "OneShotIterator", "OrderedMapClear", "OrderedMapIncompleteSize", "OrderedMapPeek", "OrderedMapSize",
    "OrderedMapStage", "OrderedMapUnstage", "OrderedMapUnstageNoKey", "PaddingFIFOQueue", "PaddingFIFOQueueV2",
    "PriorityQueue", "PriorityQueueV2", "PrivateThreadPoolDataset", "QueueClose", "QueueCloseV2", "QueueDequeue",
    "QueueDequeueMany", "QueueDequeueManyV2", "QueueDequeueUpTo", "QueueDequeueUpToV2", "QueueDequeueV2",
    "QueueEnqueue", "QueueEnqueueMany", "QueueEnqueueManyV2", "QueueEnqueueV2", "QueueIsClosed", "QueueIsClosedV2",
    "QueueSize", "QueueSizeV2", "RandomShuffleQueue", "RandomShuffleQueueV2", "ReaderNumRecordsProduced",
    "ReaderNumRecordsProducedV2", "ReaderNumWorkUnitsCompleted", "ReaderNumWorkUnitsCompletedV2", "ReaderReset",
    "ReaderResetV2", "ReaderRestoreState", "ReaderRestoreStateV2", "ReaderSerializeState", "ReaderSerializeStateV2",
    "ResourceAccumulatorApplyGradient", "ResourceAccumulatorNumAccumulated", "ResourceAccumulatorSetGlobalStep",
    "ResourceAccumulatorTakeGradient", "ResourceConditionalAccumulator", "SerializeIterator",
    "SetStatsAggregatorDataset", "SparseAccumulatorApplyGradient", "SparseAccumulatorTakeGradient",
    "SparseConditionalAccumulator", "Stack", "StackClose", "StackCloseV2", "StackPop", "StackPopV2", "StackPush",
    "StackPushV2", "StackV2", "Stage", "StageClear", "StagePeek", "StageSize", "StatsAggregatorHandle",
    "StatsAggregatorHandleV2", "StatsAggregatorSummary", "SummaryWriter", "TakeManySparseFromTensorsMap", "TensorArray",
    "TensorArrayClose", "TensorArrayCloseV2", "TensorArrayCloseV3", "TensorArrayConcat", "TensorArrayConcatV2",
    "TensorArrayConcatV3", "TensorArrayGather", "TensorArrayGatherV2", "TensorArrayGatherV3", "TensorArrayGrad",
    "TensorArrayGradV2", "TensorArrayGradV3", "TensorArrayGradWithShape", "TensorArrayPack", "TensorArrayRead",
    "TensorArrayReadV2", "TensorArrayReadV3", "TensorArrayScatter", "TensorArrayScatterV2", "TensorArrayScatterV3",
    "TensorArraySize", "TensorArraySizeV2", "TensorArraySizeV3", "TensorArraySplit", "TensorArraySplitV2",
    "TensorArraySplitV3", "TensorArrayUnpack", "TensorArrayV2", "TensorArrayV3", "TensorArrayWrite",
    "TensorArrayWriteV2", "TensorArrayWriteV3", "ThreadPoolDataset", "ThreadPoolHandle", "Unbatch", "UnbatchGrad",
    "Unstage"};

/* ---- None ---- */

static const char *const xla[] = {
    "XlaBroadcastHelper", "XlaConv", "XlaConvV2", "XlaDequantize", "XlaDot", "XlaDotV2", "XlaDynamicSlice",
    "XlaDynamicUpdateSlice", "XlaEinsum", "XlaGather", "XlaIf", "XlaKeyValueSort", "XlaLaunch", "XlaLaunchV2",
    "XlaOptimizationBarrier", "XlaPad", "XlaReduce", "XlaReducePrecision", "XlaReduceWindow",
    "XlaRemoveDynamicDimensionSize", "XlaReplicaId", "XlaRngBitGenerator", "XlaScatter", "XlaSelectAndScatter",
    "XlaSelfAdjointEig", "XlaSetBound", "XlaSetDynamicDimensionSize", "XlaSharding", "XlaSort",
    "XlaSpmdFullToShardShape", "XlaSpmdShardToFullShape", "XlaSvd", "XlaVariadicReduce", "XlaVariadicReduceV2",
    "XlaVariadicSort", "XlaWhile"};

static const char *const rewritten[] = {
    "_Arg", "_ArrayToList", "_DeviceArg", "_DeviceRetval", "_FusedBatchNormEx", "_FusedBatchNormGradEx", "_FusedConv2D",
    "_FusedConv3D", "_FusedDepthwiseConv2dNative", "_FusedMatMul", "_HostCast", "_If", "_ListToArray",
    "_ParallelConcatStart", "_ParallelConcatUpdate", "_Retval", "_SwitchN", "_TensorToHashBucketFast",
    "_UnaryOpsComposition", "_While"};

static const char *const pure[] = {
    "Abs", "AccumulateNV2", "Acos", "Acosh", "Add", "AddN", "AddV2", "AdjustContrast", "AdjustContrastv2", "AdjustHue",
    "AdjustSaturation", "All", "Angle", "Any", "ApproxTopK", "ApproximateEqual", "ArgMax", "ArgMin", "AsString", "Asin",
    "Asinh", "Assert", "AssertCardinalityDataset", "AssertNextDataset", "AssertPrevDataset", "Atan", "Atan2", "Atanh",
    "AudioSpectrogram", "AudioSummary", "AudioSummaryV2", "AutoShardDataset", "AvgPool", "AvgPool3D", "AvgPool3DGrad",
    "AvgPoolGrad", "BandedTriangularSolve", "BatchCholesky", "BatchCholeskyGrad", "BatchDataset", "BatchDatasetV2",
    "BatchFFT", "BatchFFT2D", "BatchFFT3D", "BatchIFFT", "BatchIFFT2D", "BatchIFFT3D", "BatchMatMul", "BatchMatMulV2",
    "BatchMatMulV3", "BatchMatrixBandPart", "BatchMatrixDeterminant", "BatchMatrixDiag", "BatchMatrixDiagPart",
    "BatchMatrixInverse", "BatchMatrixSetDiag", "BatchMatrixSolve", "BatchMatrixSolveLs", "BatchMatrixTriangularSolve",
    "BatchNormWithGlobalNormalization", "BatchNormWithGlobalNormalizationGrad", "BatchSelfAdjointEig",
    "BatchSelfAdjointEigV2", "BatchSvd", "BatchToSpace", "BatchToSpaceND", "BesselI0", "BesselI0e", "BesselI1",
    "BesselI1e", "BesselJ0", "BesselJ1", "BesselK0", "BesselK0e", "BesselK1", "BesselK1e", "BesselY0", "BesselY1",
    "Betainc", "BiasAdd", "BiasAddGrad", "BiasAddV1", "Bincount", "Bitcast", "BitwiseAnd", "BitwiseOr", "BitwiseXor",
    "BlockLSTM", "BlockLSTMGrad", "BlockLSTMGradV2", "BlockLSTMV2", "BoostedTreesAggregateStats",
    "BoostedTreesBucketize", "BoostedTreesCalculateBestFeatureSplit", "BoostedTreesCalculateBestFeatureSplitV2",
    "BoostedTreesCalculateBestGainsPerFeature", "BoostedTreesMakeQuantileSummaries", "BoostedTreesMakeStatsSummary",
    "BoostedTreesSparseAggregateStats", "BoostedTreesSparseCalculateBestFeatureSplit", "BroadcastArgs",
    "BroadcastGradientArgs", "BroadcastTo", "Bucketize", "CSRSparseMatrixComponents", "CSRSparseMatrixToDense",
    "CSRSparseMatrixToSparseTensor", "CTCBeamSearchDecoder", "CTCGreedyDecoder", "CTCLoss", "CTCLossV2", "Case", "Cast",
    "Ceil", "CheckNumerics", "CheckNumericsV2", "CheckPinned", "Cholesky", "CholeskyGrad", "ChooseFastestBranchDataset",
    "ChooseFastestDataset", "ClipByValue", "CombinedNonMaxSuppression", "Complex", "ComplexAbs",
    "CompositeTensorVariantFromComponents", "CompositeTensorVariantToComponents", "CompressElement",
    "ComputeAccidentalHits", "ComputeBatchSize", "Concat", "ConcatOffset", "ConcatV2", "ConcatenateDataset", "Conj",
    "ConjugateTranspose", "Const", "ControlTrigger", "Conv", "Conv2D", "Conv2DBackpropFilter", "Conv2DBackpropFilterV2",
    "Conv2DBackpropInput", "Conv2DBackpropInputV2", "Conv3D", "Conv3DBackpropFilter", "Conv3DBackpropFilterV2",
    "Conv3DBackpropInput", "Conv3DBackpropInputV2", "ConvertToListOfSparseCoreCooTensors",
    "ConvertToSparseCoreCsrWrappedCooTensor", "Copy", "CopyHost", "Cos", "Cosh", "CropAndResize",
    "CropAndResizeGradBoxes", "CropAndResizeGradImage", "Cross", "CudnnRNN", "CudnnRNNBackprop", "CudnnRNNBackpropV2",
    "CudnnRNNBackpropV3", "CudnnRNNCanonicalToParams", "CudnnRNNCanonicalToParamsV2", "CudnnRNNParamsSize",
    "CudnnRNNParamsToCanonical", "CudnnRNNParamsToCanonicalV2", "CudnnRNNV2", "CudnnRNNV3", "Cumprod", "Cumsum",
    "CumulativeLogsumexp", "DataFormatDimMap", "DataFormatVecPermute", "DatasetCardinality", "DatasetFingerprint",
    "DatasetToGraph", "DatasetToGraphV2", "DatasetToSingleElement", "Dawsn", "DebugGradientIdentity",
    "DebugGradientRefIdentity", "DebugNumericSummaryV2", "DecodeAndCropJpeg", "DecodeBase64", "DecodeBmp", "DecodeCSV",
    "DecodeCompressed", "DecodeGif", "DecodeImage", "DecodeJSONExample", "DecodeJpeg", "DecodeJxl", "DecodePaddedRaw",
    "DecodePng", "DecodeRaw", "DecodeWav", "DecodeWebP", "DeepCopy", "DenseBincount", "DenseCountSparseOutput",
    "DenseToCSRSparseMatrix", "DenseToDenseSetOperation", "DenseToSparseBatchDataset", "DenseToSparseSetOperation",
    "DepthToSpace", "DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropFilter",
    "DepthwiseConv2dNativeBackpropInput", "Dequantize", "DeserializeManySparse", "DeserializeSparse", "DeviceIndex",
    "Diag", "DiagPart", "Digamma", "Dilation2D", "Dilation2DBackpropFilter", "Dilation2DBackpropInput",
    "DirectedInterleaveDataset", "Div", "DivNoNan", "DrawBoundingBoxes", "DrawBoundingBoxesV2", "DynamicPartition",
    "DynamicStitch", "EditDistance", "Eig", "Einsum", "Elu", "EluGrad", "Empty", "EmptyTensorList", "EmptyTensorMap",
    "EncodeBase64", "EncodeJpeg", "EncodeJpegVariableQuality", "EncodePng", "EncodeWav", "EnsureShape", "Enter",
    "Equal", "Erf", "Erfc", "Erfinv", "EuclideanNorm", "Exit", "Exp", "ExpandDims", "ExperimentalAssertNextDataset",
    "ExperimentalAutoShardDataset", "ExperimentalChooseFastestDataset", "ExperimentalDatasetCardinality",
    "ExperimentalDenseToSparseBatchDataset", "ExperimentalDirectedInterleaveDataset",
    "ExperimentalGroupByReducerDataset", "ExperimentalGroupByWindowDataset", "ExperimentalIgnoreErrorsDataset",
    "ExperimentalMapAndBatchDataset", "ExperimentalMapDataset", "ExperimentalNonSerializableDataset",
    "ExperimentalParallelInterleaveDataset", "ExperimentalParseExampleDataset", "ExperimentalRebatchDataset",
    "ExperimentalScanDataset", "ExperimentalSlidingWindowDataset", "ExperimentalTakeWhileDataset",
    "ExperimentalUnbatchDataset", "ExperimentalUniqueDataset", "Expint", "Expm1", "ExtractGlimpse", "ExtractGlimpseV2",
    "ExtractImagePatches", "ExtractJpegShape", "ExtractVolumePatches", "FFT", "FFT2D", "FFT3D", "FFTND", "Fact",
    "FakeParam", "FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxArgsGradient", "FakeQuantWithMinMaxVars",
    "FakeQuantWithMinMaxVarsGradient", "FakeQuantWithMinMaxVarsPerChannel", "FakeQuantWithMinMaxVarsPerChannelGradient",
    "Fill", "FilterByLastComponentDataset", "FilterDataset", "FinalizeDataset", "Fingerprint", "FlatMapDataset",
    "Floor", "FloorDiv", "FloorMod", "For", "FractionalAvgPool", "FractionalAvgPoolGrad", "FractionalMaxPool",
    "FractionalMaxPoolGrad", "FresnelCos", "FresnelSin", "FusedBatchNorm", "FusedBatchNormGrad", "FusedBatchNormGradV2",
    "FusedBatchNormGradV3", "FusedBatchNormV2", "FusedBatchNormV3", "FusedPadConv2D", "FusedResizeAndPadConv2D",
    "GRUBlockCell", "GRUBlockCellGrad", "Gather", "GatherNd", "GatherV2", "GenerateBoundingBoxProposals",
    "GeneratorDataset", "GetElementAtIndex", "GetOptions", "GetStatsFromListOfSparseCoreCooTensors",
    "GlobalShuffleDataset", "Greater", "GreaterEqual", "GroupByReducerDataset", "GroupByWindowDataset",
    "GuaranteeConst", "HSVToRGB", "HistogramFixedWidth", "HistogramSummary", "IFFT", "IFFT2D", "IFFT3D", "IFFTND",
    "IRFFT", "IRFFT2D", "IRFFT3D", "IRFFTND", "Identity", "IdentityN", "If", "Igamma", "IgammaGradA", "Igammac",
    "IgnoreErrorsDataset", "Imag", "ImageProjectiveTransformV2", "ImageProjectiveTransformV3", "ImageSummary", "InTopK",
    "InTopKV2", "IndexFlatMapDataset", "InterleaveDataset", "Inv", "InvGrad", "Invert", "InvertPermutation", "IsFinite",
    "IsInf", "IsNan", "IsotonicRegression", "KMC2ChainInitialization", "KmeansPlusPlusInitialization", "L2Loss", "LRN",
    "LRNGrad", "LSTMBlockCell", "LSTMBlockCellGrad", "LeakyRelu", "LeakyReluGrad", "LeftShift",
    "LegacyParallelInterleaveDatasetV2", "Less", "LessEqual", "Lgamma", "LinSpace", "ListDataset", "ListDiff", "Log",
    "Log1p", "LogMatrixDeterminant", "LogSoftmax", "LogicalAnd", "LogicalNot", "LogicalOr", "LoopCond", "LowerBound",
    "Lu", "MapAndBatchDataset", "MapDataset", "MapDefun", "MatMul", "MatrixBandPart", "MatrixDeterminant", "MatrixDiag",
    "MatrixDiagPart", "MatrixDiagPartV2", "MatrixDiagPartV3", "MatrixDiagV2", "MatrixDiagV3", "MatrixExponential",
    "MatrixInverse", "MatrixLogarithm", "MatrixSetDiag", "MatrixSetDiagV2", "MatrixSetDiagV3", "MatrixSolve",
    "MatrixSolveLs", "MatrixSquareRoot", "MatrixTriangularSolve", "Max", "MaxPool", "MaxPool3D", "MaxPool3DGrad",
    "MaxPool3DGradGrad", "MaxPoolGrad", "MaxPoolGradGrad", "MaxPoolGradGradV2", "MaxPoolGradGradWithArgmax",
    "MaxPoolGradV2", "MaxPoolGradWithArgmax", "MaxPoolV2", "MaxPoolWithArgmax", "Maximum", "Mean", "Merge",
    "MergeSummary", "Mfcc", "Min", "Minimum", "MirrorPad", "MirrorPadGrad", "Mod", "ModelDataset", "Mul", "MulNoNan",
    "Ndtri", "NearestNeighbors", "Neg", "NextAfter", "NextIteration", "NoOp", "NonMaxSuppression",
    "NonMaxSuppressionV2", "NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5",
    "NonMaxSuppressionWithOverlaps", "NonSerializableDataset", "NotEqual", "NthElement", "OneHot", "OnesLike",
    "OptimizeDataset", "OptimizeDatasetV2", "OptionalFromValue", "OptionalGetValue", "OptionalHasValue", "OptionalNone",
    "OptionsDataset", "Pack", "Pad", "PadV2", "PaddedBatchDataset", "PaddedBatchDatasetV2", "ParallelBatchDataset",
    "ParallelConcat", "ParallelDynamicStitch", "ParallelFilterDataset", "ParallelInterleaveDataset",
    "ParallelInterleaveDatasetV2", "ParallelInterleaveDatasetV3", "ParallelInterleaveDatasetV4", "ParallelMapDataset",
    "ParallelMapDatasetV2", "ParseExample", "ParseExampleDataset", "ParseExampleDatasetV2", "ParseExampleV2",
    "ParseSequenceExample", "ParseSequenceExampleV2", "ParseSingleExample", "ParseSingleSequenceExample", "ParseTensor",
    "PartitionedCall", "Placeholder", "PlaceholderV2", "PlaceholderWithDefault", "Polygamma", "PopulationCount", "Pow",
    "PrefetchDataset", "PreventGradient", "Prod", "Qr", "QuantizeAndDequantize", "QuantizeAndDequantizeV2",
    "QuantizeAndDequantizeV3", "QuantizeAndDequantizeV4", "QuantizeAndDequantizeV4Grad", "QuantizeDownAndShrinkRange",
    "QuantizeV2", "QuantizedAdd", "QuantizedAvgPool", "QuantizedBatchNormWithGlobalNormalization", "QuantizedBiasAdd",
    "QuantizedConcat", "QuantizedConv2D", "QuantizedConv2DAndRelu", "QuantizedConv2DAndReluAndRequantize",
    "QuantizedConv2DAndRequantize", "QuantizedConv2DPerChannel", "QuantizedConv2DWithBias",
    "QuantizedConv2DWithBiasAndRelu", "QuantizedConv2DWithBiasAndReluAndRequantize",
    "QuantizedConv2DWithBiasAndRequantize", "QuantizedConv2DWithBiasSignedSumAndReluAndRequantize",
    "QuantizedConv2DWithBiasSumAndRelu", "QuantizedConv2DWithBiasSumAndReluAndRequantize", "QuantizedDepthwiseConv2D",
    "QuantizedDepthwiseConv2DWithBias", "QuantizedDepthwiseConv2DWithBiasAndRelu",
    "QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize", "QuantizedInstanceNorm", "QuantizedMatMul",
    "QuantizedMatMulWithBias", "QuantizedMatMulWithBiasAndDequantize", "QuantizedMatMulWithBiasAndRelu",
    "QuantizedMatMulWithBiasAndReluAndRequantize", "QuantizedMatMulWithBiasAndRequantize", "QuantizedMaxPool",
    "QuantizedMul", "QuantizedRelu", "QuantizedRelu6", "QuantizedReluX", "QuantizedReshape", "QuantizedResizeBilinear",
    "RFFT", "RFFT2D", "RFFT3D", "RFFTND", "RGBToHSV", "RaggedBincount", "RaggedCountSparseOutput", "RaggedCross",
    "RaggedFillEmptyRows", "RaggedFillEmptyRowsGrad", "RaggedGather", "RaggedRange", "RaggedTensorFromVariant",
    "RaggedTensorToSparse", "RaggedTensorToTensor", "RaggedTensorToVariant", "RaggedTensorToVariantGradient",
    "RandomGammaGrad", "RandomIndexShuffle", "Range", "RangeDataset", "Rank", "Real", "RealDiv", "RebatchDataset",
    "RebatchDatasetV2", "Reciprocal", "ReciprocalGrad", "ReduceDataset", "ReduceJoin", "RefEnter", "RefExit",
    "RefIdentity", "RefMerge", "RefNextIteration", "RefSelect", "RefSwitch", "RegexFullMatch", "RegexReplace", "Relu",
    "Relu6", "Relu6Grad", "ReluGrad", "RepeatDataset", "RequantizationRange", "RequantizationRangePerChannel",
    "Requantize", "RequantizePerChannel", "Reshape", "ResizeArea", "ResizeBicubic", "ResizeBicubicGrad",
    "ResizeBilinear", "ResizeBilinearGrad", "ResizeNearestNeighbor", "ResizeNearestNeighborGrad", "Reverse",
    "ReverseSequence", "ReverseV2", "RewriteDataset", "RightShift", "Rint", "Roll", "Round", "Rsqrt", "RsqrtGrad",
    "SamplingDataset", "ScalarSummary", "ScaleAndTranslate", "ScaleAndTranslateGrad", "ScanDataset", "ScatterNd",
    "ScatterNdNonAliasingAdd", "SdcaFprint", "SdcaOptimizer", "SdcaOptimizerV2", "SdcaShrinkL1", "SegmentMax",
    "SegmentMaxV2", "SegmentMean", "SegmentMin", "SegmentMinV2", "SegmentProd", "SegmentProdV2", "SegmentSum",
    "SegmentSumV2", "Select", "SelectV2", "SelfAdjointEig", "SelfAdjointEigV2", "Selu", "SeluGrad",
    "SerializeManySparse", "SerializeSparse", "SerializeTensor", "SetSize", "Shape", "ShapeN", "ShardDataset",
    "ShardedFilename", "ShardedFilespec", "Sigmoid", "SigmoidGrad", "Sign", "Sin", "Sinh", "Size", "SkipDataset",
    "Slice", "SlidingWindowDataset", "Snapshot", "SobolSample", "Softmax", "SoftmaxCrossEntropyWithLogits", "Softplus",
    "SoftplusGrad", "Softsign", "SoftsignGrad", "SortListOfSparseCoreCooTensors", "SpaceToBatch", "SpaceToBatchND",
    "SpaceToDepth", "SparseAdd", "SparseAddGrad", "SparseBincount", "SparseConcat", "SparseCountSparseOutput",
    "SparseCross", "SparseCrossHashed", "SparseCrossV2", "SparseDenseCwiseAdd", "SparseDenseCwiseDiv",
    "SparseDenseCwiseMul", "SparseFillEmptyRows", "SparseFillEmptyRowsGrad", "SparseMatMul", "SparseMatrixAdd",
    "SparseMatrixMatMul", "SparseMatrixMul", "SparseMatrixNNZ", "SparseMatrixOrderingAMD", "SparseMatrixSoftmax",
    "SparseMatrixSoftmaxGrad", "SparseMatrixSparseCholesky", "SparseMatrixSparseMatMul", "SparseMatrixTranspose",
    "SparseMatrixZeros", "SparseReduceMax", "SparseReduceMaxSparse", "SparseReduceSum", "SparseReduceSumSparse",
    "SparseReorder", "SparseReshape", "SparseSegmentMean", "SparseSegmentMeanGrad", "SparseSegmentMeanGradV2",
    "SparseSegmentMeanWithNumSegments", "SparseSegmentSqrtN", "SparseSegmentSqrtNGrad", "SparseSegmentSqrtNGradV2",
    "SparseSegmentSqrtNWithNumSegments", "SparseSegmentSum", "SparseSegmentSumGrad", "SparseSegmentSumGradV2",
    "SparseSegmentSumWithNumSegments", "SparseSlice", "SparseSliceGrad", "SparseSoftmax",
    "SparseSoftmaxCrossEntropyWithLogits", "SparseSparseMaximum", "SparseSparseMinimum", "SparseSplit",
    "SparseTensorDenseAdd", "SparseTensorDenseMatMul", "SparseTensorSliceDataset", "SparseTensorToCSRSparseMatrix",
    "SparseToDense", "SparseToSparseSetOperation", "Spence", "Split", "SplitV", "Sqrt", "SqrtGrad", "Square",
    "SquaredDifference", "Squeeze", "StatefulPartitionedCall", "StatelessCase", "StatelessIf", "StatelessMultinomial",
    "StatelessParameterizedTruncatedNormal", "StatelessRandomBinomial", "StatelessRandomGammaV2",
    "StatelessRandomGammaV3", "StatelessRandomGetAlg", "StatelessRandomGetKeyCounter",
    "StatelessRandomGetKeyCounterAlg", "StatelessRandomNormal", "StatelessRandomNormalV2", "StatelessRandomPoisson",
    "StatelessRandomUniform", "StatelessRandomUniformFullInt", "StatelessRandomUniformFullIntV2",
    "StatelessRandomUniformInt", "StatelessRandomUniformIntV2", "StatelessRandomUniformV2",
    "StatelessSampleDistortedBoundingBox", "StatelessShuffle", "StatelessTruncatedNormal", "StatelessTruncatedNormalV2",
    "StatelessWhile", "StaticRegexFullMatch", "StaticRegexReplace", "StopGradient", "StridedSlice", "StridedSliceGrad",
    "StringFormat", "StringJoin", "StringLength", "StringLower", "StringNGrams", "StringSplit", "StringSplitV2",
    "StringStrip", "StringToHashBucket", "StringToHashBucketFast", "StringToHashBucketStrong", "StringToNumber",
    "StringUpper", "Sub", "Substr", "Sum", "Svd", "Switch", "SymbolicGradient", "TPUAnnotateTensorsWithDynamicShape",
    "TPUCompilationResult", "TPUCopyWithDynamicShape", "TPUDummyInput", "TPUPartitionedInput", "TPUPartitionedInputV2",
    "TPUPartitionedOutput", "TPUPartitionedOutputV2", "TPUReplicateMetadata", "TPUReplicatedInput",
    "TPUReplicatedOutput", "TakeDataset", "TakeWhileDataset", "Tan", "Tanh", "TanhGrad", "TensorDataset",
    "TensorListConcat", "TensorListConcatLists", "TensorListConcatV2", "TensorListElementShape", "TensorListFromTensor",
    "TensorListGather", "TensorListGetItem", "TensorListLength", "TensorListPopBack", "TensorListPushBack",
    "TensorListPushBackBatch", "TensorListReserve", "TensorListResize", "TensorListScatter",
    "TensorListScatterIntoExistingList", "TensorListScatterV2", "TensorListSetItem", "TensorListSplit",
    "TensorListStack", "TensorMapErase", "TensorMapHasKey", "TensorMapInsert", "TensorMapLookup", "TensorMapSize",
    "TensorMapStackKeys", "TensorScatterAdd", "TensorScatterMax", "TensorScatterMin", "TensorScatterSub",
    "TensorScatterUpdate", "TensorSliceDataset", "TensorStridedSliceUpdate", "TensorSummary", "TensorSummaryV2", "Tile",
    "TileGrad", "ToBool", "TopK", "TopKV2", "Transpose", "TridiagonalMatMul", "TridiagonalSolve", "TruncateDiv",
    "TruncateMod", "UnbatchDataset", "UncompressElement", "UnicodeDecode", "UnicodeDecodeWithOffsets", "UnicodeEncode",
    "UnicodeScript", "UnicodeTranscode", "UniformDequantize", "UniformQuantize", "UniformQuantizedAdd",
    "UniformQuantizedClipByValue", "UniformQuantizedConvolution", "UniformQuantizedConvolutionHybrid",
    "UniformQuantizedDot", "UniformQuantizedDotHybrid", "UniformRequantize", "Unique", "UniqueDataset", "UniqueV2",
    "UniqueWithCounts", "UniqueWithCountsV2", "Unpack", "UnravelIndex", "UnsortedSegmentJoin", "UnsortedSegmentMax",
    "UnsortedSegmentMin", "UnsortedSegmentProd", "UnsortedSegmentSum", "UnwrapDatasetVariant", "UpperBound",
    "WeightedFlatMapDataset", "Where", "While", "WindowDataset", "WindowOp", "WrapDatasetVariant", "Xdivy",
    "XlaConcatND", "XlaSparseDenseMatmul", "XlaSparseDenseMatmulCustomCombinerOnTcGradWithAdagradAndCsrInput",
    "XlaSparseDenseMatmulCustomCombinerOnTcGradWithAdagradMomentumAndCsrInput",
    "XlaSparseDenseMatmulCustomCombinerOnTcGradWithAdamAndCsrInput",
    "XlaSparseDenseMatmulCustomCombinerOnTcGradWithCsrInput",
    "XlaSparseDenseMatmulCustomCombinerOnTcGradWithFtrlAndCsrInput",
    "XlaSparseDenseMatmulCustomCombinerOnTcGradWithSgdAndCsrInput",
    "XlaSparseDenseMatmulCustomCombinerOnTcWithCsrInput", "XlaSparseDenseMatmulGradWithAdagradAndCsrInput",
    "XlaSparseDenseMatmulGradWithAdagradAndStaticBufferSize", "XlaSparseDenseMatmulGradWithAdagradMomentumAndCsrInput",
    "XlaSparseDenseMatmulGradWithAdagradMomentumAndStaticBufferSize", "XlaSparseDenseMatmulGradWithAdamAndCsrInput",
    "XlaSparseDenseMatmulGradWithAdamAndStaticBufferSize", "XlaSparseDenseMatmulGradWithCsrInput",
    "XlaSparseDenseMatmulGradWithFtrlAndCsrInput", "XlaSparseDenseMatmulGradWithFtrlAndStaticBufferSize",
    "XlaSparseDenseMatmulGradWithSgdAndCsrInput", "XlaSparseDenseMatmulGradWithSgdAndStaticBufferSize",
    "XlaSparseDenseMatmulWithCsrInput", "XlaSparseDenseMatmulWithStaticBufferSize", "XlaSplitND", "Xlog1py", "Xlogy",
    "ZerosLike", "Zeta", "ZipDataset"};

/* clang-format on */

/* ---- The groups, those most met with first ---- */

#define GROUP(ops, effects, reason) \
  { ops, sizeof ops / sizeof ops[0], effects, reason }

const sm_op_group sm_op_groups[] = {
    GROUP(pure, 0, "computes from its inputs; functions it calls are listed by themselves"),
    GROUP(variables, SM_EFFECT_STATE, "creates, reads or changes variables"),
    GROUP(resources, SM_EFFECT_STATE,
          "holds or changes what lives in the process: tables, queues, stacks, arrays, iterators, sessions"),
    GROUP(random_numbers, SM_EFFECT_STATE, "draws random numbers, or holds their generator"),
    GROUP(host_code, SM_EFFECT_CODE, "runs Python code of the host, chosen by a token in the node"),
    GROUP(graph_from_tensor, SM_EFFECT_CODE, "runs a graph that it unpacks from a tensor, where no scan sees it"),
    GROUP(compiled_code, SM_EFFECT_CODE,
          "runs a program of its own kind, or a function of the host process, named in the node"),
    GROUP(aborting, SM_EFFECT_PROCESS, "ends the process"),
    GROUP(workers, SM_EFFECT_PROCESS | SM_EFFECT_NETWORK,
          "starts, stops or steers workers and accelerators, also those of other machines"),
    GROUP(remote_call, SM_EFFECT_PROCESS | SM_EFFECT_NETWORK,
          "runs a function on a device that a tensor names, also of another machine"),
    GROUP(file_system_settings, SM_EFFECT_PROCESS | SM_EFFECT_NETWORK,
          "changes for the whole process how files are reached: endpoints, credentials"),
    GROUP(rpc, SM_EFFECT_PROCESS | SM_EFFECT_NETWORK, "opens or calls a server"),
    GROUP(data_service, SM_EFFECT_NETWORK, "talks to the tf.data service at an address it is given"),
    GROUP(distributed_save, SM_EFFECT_NETWORK | SM_EFFECT_FILE_WRITE,
          "has the tf.data service write a data set to a path"),
    GROUP(collectives, SM_EFFECT_NETWORK, "exchanges tensors with other devices, also of other machines"),
    GROUP(debug_urls, SM_EFFECT_FILE_WRITE | SM_EFFECT_NETWORK,
          "sends what passes through it to its debug_urls, files or servers"),
    GROUP(file_writers, SM_EFFECT_FILE_WRITE, "writes a file whose name it is given"),
    GROUP(checkpoint_writers, SM_EFFECT_FILE_WRITE, "writes a checkpoint at a prefix it is given"),
    GROUP(checkpoint_mergers, SM_EFFECT_FILE_READ | SM_EFFECT_FILE_WRITE,
          "reads checkpoints, writes them as one and deletes them"),
    GROUP(caches, SM_EFFECT_FILE_READ | SM_EFFECT_FILE_WRITE,
          "keeps a data set in a file whose name it is given (CacheDataset: none, when that is empty)"),
    GROUP(summary_writers, SM_EFFECT_FILE_WRITE, "writes event files or data bases of summaries"),
    GROUP(file_readers, SM_EFFECT_FILE_READ, "reads a file whose name it is given"),
    GROUP(reader_ops, SM_EFFECT_FILE_READ, "reads files whose names come from a queue"),
    GROUP(table_files, SM_EFFECT_FILE_READ, "fills a table from a file whose name it is given"),
    GROUP(file_lists, SM_EFFECT_FILE_READ, "lists the files that match a pattern"),
    GROUP(file_data_sets, SM_EFFECT_FILE_READ, "is a data set of what is in files whose names it is given"),
    GROUP(data_bases, SM_EFFECT_FILE_READ, "queries a data base file whose name it is given"),
    GROUP(checkpoint_readers, SM_EFFECT_FILE_READ, "reads a checkpoint at a prefix it is given"),
    GROUP(files_in_attributes, SM_EFFECT_FILE_READ, "reads the file that an attribute names"),
    GROUP(print_to_stream, SM_EFFECT_STATE | SM_EFFECT_FILE_WRITE,
          "prints to the stream that an attribute names, which may be a file"),
    GROUP(printing, SM_EFFECT_STATE, "prints to the standard error of the process"),
    GROUP(clocks, SM_EFFECT_STATE, "asks the clock, waits, or waits for a device"),
    GROUP(device_memory, SM_EFFECT_STATE,
          "holds or changes tables in the memory of an accelerator, or passes tensors to and from it"),
    GROUP(xla, 0, "is one of XLA's own operations: computes from its inputs"),
    GROUP(rewritten, 0, "is made by TensorFlow when it rewrites a graph: computes from its inputs"),
};

const size_t sm_n_op_groups = sizeof sm_op_groups / sizeof sm_op_groups[0];

static bool is_in(const sm_op_group *group, sm_string op) {
  size_t low = 0, high = group->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = sm_string_compare(op, sm_string_of(group->ops[middle]));
    if (order == 0) return true;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return false;
}

uint32_t sm_op_find_effects(const char **reason, sm_string op) {
  for (size_t i = 0; i < sm_n_op_groups; i++) {
    if (!is_in(&sm_op_groups[i], op)) continue;
    *reason = sm_op_groups[i].reason;
    return sm_op_groups[i].effects;
  }
  *reason = "is no operation of TensorFlow 2.21: what it does is not known";
  return SM_EFFECT_UNKNOWN;
}

uint32_t sm_op_get_effects(const char **reason, const char *op) {
  const char *found;
  return sm_op_find_effects(reason != NULL ? reason : &found, sm_string_of(op));
}

const char *sm_effect_name(uint32_t effect) {
  static const char *const names[] = {"state", "file-read", "file-write", "network", "process", "code", "unknown"};
  if (effect == 0) return "pure";
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (effect == (uint32_t)1 << i) return names[i];
  return NULL;
}
